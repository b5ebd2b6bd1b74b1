// Folders: what each removes, and what it must leave because values would change.
// RUN: qcc-opt %s -canonicalize -cse -split-input-file | FileCheck %s

// CHECK-LABEL: @cast_to_same_type
//  CHECK-SAME:   %[[X:.*]]: tensor
//  CHECK-NEXT:   return %[[X]]
func.func @cast_to_same_type(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.cast %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Rounding to bf16 and back changes values.
// CHECK-LABEL: @cast_there_and_back_stays
// CHECK-COUNT-2: graph.cast
func.func @cast_there_and_back_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.cast %x : tensor<4xf32> -> tensor<4xbf16>
  %1 = graph.cast %0 : tensor<4xbf16> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: @reshape_of_reshape
//  CHECK-SAME:   %[[X:.*]]: tensor
//       CHECK:   %[[Y:.*]] = graph.reshape %[[X]] : tensor<?x8xf32> -> tensor<?x4x2xf32>
//  CHECK-NEXT:   return %[[Y]]
func.func @reshape_of_reshape(%x: tensor<?x8xf32>) -> tensor<?x4x2xf32> {
  %0 = graph.reshape %x : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %1 = graph.reshape %0 : tensor<?x2x4xf32> -> tensor<?x4x2xf32>
  return %1 : tensor<?x4x2xf32>
}

// CHECK-LABEL: @reshape_back
//  CHECK-SAME:   %[[X:.*]]: tensor
//  CHECK-NEXT:   return %[[X]]
func.func @reshape_back(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = graph.reshape %x : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %1 = graph.reshape %0 : tensor<?x2x4xf32> -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// Dimension i of the result is dimension inner[outer[i]] of x: outer [2, 0, 1] after inner [1, 2, 0] is the identity.
// CHECK-LABEL: @transpose_undone
//  CHECK-SAME:   %[[X:.*]]: tensor
//  CHECK-NEXT:   return %[[X]]
func.func @transpose_undone(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = graph.transpose %x by [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = graph.transpose %0 by [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: @transpose_composed
//       CHECK:   graph.transpose %{{.*}} by [0, 2, 1] : tensor<2x3x4xf32> -> tensor<2x4x3xf32>
//  CHECK-NEXT:   return
func.func @transpose_composed(%x: tensor<2x3x4xf32>) -> tensor<2x4x3xf32> {
  %0 = graph.transpose %x by [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = graph.transpose %0 by [2, 1, 0] : tensor<3x4x2xf32> -> tensor<2x4x3xf32>
  return %1 : tensor<2x4x3xf32>
}

// CHECK-LABEL: @slice_of_concat
//  CHECK-SAME:   %[[A:.*]]: tensor<?x4xf32>, %[[B:.*]]: tensor<?x6xf32>
//       CHECK:   %[[Y:.*]] = graph.slice %[[B]] axis 1 begin 1 size 3
//  CHECK-NEXT:   return %[[Y]]
func.func @slice_of_concat(%a: tensor<?x4xf32>, %b: tensor<?x6xf32>) -> tensor<?x3xf32> {
  %0 = graph.concat %a, %b axis 1 : (tensor<?x4xf32>, tensor<?x6xf32>) -> tensor<?x10xf32>
  %1 = graph.slice %0 axis 1 begin 5 size 3 : tensor<?x10xf32> -> tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// CHECK-LABEL: @slice_across_inputs_stays
//       CHECK:   graph.concat
//       CHECK:   graph.slice
func.func @slice_across_inputs_stays(%a: tensor<?x4xf32>, %b: tensor<?x6xf32>) -> tensor<?x3xf32> {
  %0 = graph.concat %a, %b axis 1 : (tensor<?x4xf32>, tensor<?x6xf32>) -> tensor<?x10xf32>
  %1 = graph.slice %0 axis 1 begin 3 size 3 : tensor<?x10xf32> -> tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// CHECK-LABEL: @slice_of_all_and_concat_of_one
//  CHECK-SAME:   %[[X:.*]]: tensor
//  CHECK-NEXT:   return %[[X]]
func.func @slice_of_all_and_concat_of_one(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = graph.concat %x axis 1 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = graph.slice %0 axis 1 begin 0 size 4 : tensor<?x4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// CHECK-LABEL: @neg_neg_and_max_of_same
//  CHECK-SAME:   %[[X:.*]]: tensor
//  CHECK-NEXT:   return %[[X]]
func.func @neg_neg_and_max_of_same(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
  %1 = graph.neg %0 : tensor<4xf32> -> tensor<4xf32>
  %2 = graph.max %1, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = graph.min %2, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}

// -----

graph.kv_cache @kv layers 1 kv_heads 1 head_dim 4 page_size 64 : bf16

// The cache is state: appends stay though nothing uses a result, and attention is neither moved above one nor merged across it.
// CHECK-LABEL: @appends_stay_in_order
//       CHECK:   graph.kv_append
//  CHECK-NEXT:   %[[A:.*]] = graph.attention
//  CHECK-NEXT:   graph.kv_append
//  CHECK-NEXT:   %[[B:.*]] = graph.attention
//  CHECK-NEXT:   graph.add %[[A]], %[[B]]
func.func @appends_stay_in_order(%k: tensor<?x1x4xf32>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) -> tensor<?x1x4xf32> {
  graph.kv_append @kv layer 0 k %k v %k slots %i : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>
  %0 = graph.attention @kv layer 0 scale 1.0 q %k batch(%i, %i, %t) : (tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x4xf32>
  graph.kv_append @kv layer 0 k %k v %k slots %i : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>
  %1 = graph.attention @kv layer 0 scale 1.0 q %k batch(%i, %i, %t) : (tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x4xf32>
  %2 = graph.add %0, %1 : (tensor<?x1x4xf32>, tensor<?x1x4xf32>) -> tensor<?x1x4xf32>
  return %2 : tensor<?x1x4xf32>
}
