// RUN: qcc-opt %s -qcc-lower-precision -split-input-file | FileCheck %s

// The example of the pass's description: weights are read through derivations, results are bf16, what is returned stays f32.
// CHECK:      graph.derived @w.bf16 : tensor<8x4xbf16> {
// CHECK-NEXT:   %[[STORED:.*]] = graph.get @w : tensor<8x4xf32>
// CHECK-NEXT:   %[[CAST:.*]] = graph.cast %[[STORED]] : tensor<8x4xf32> -> tensor<8x4xbf16>
// CHECK-NEXT:   graph.yield %[[CAST]]
graph.parameter @w : tensor<8x4xf32> from "model.safetensors" tensor "w"

// Already stored in bf16: derived all the same, so that kernels read derivations only, but not cast.
// CHECK:      graph.derived @norm.bf16 : tensor<8xbf16> {
// CHECK-NEXT:   %[[NORM:.*]] = graph.get @norm : tensor<8xbf16>
// CHECK-NEXT:   graph.yield %[[NORM]]
graph.parameter @norm : tensor<8xbf16> from "model.safetensors" tensor "norm"

graph.parameter @table : tensor<16x4xf16> from "model.safetensors" tensor "table"

// CHECK-LABEL: func.func @forward
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
  %stored = graph.get @table : tensor<16x4xf16>
  %table = graph.cast %stored : tensor<16x4xf16> -> tensor<16x4xf32>
  // CHECK: %[[TABLE:.*]] = graph.get @table.bf16 : tensor<16x4xbf16>
  // CHECK-NEXT: %[[X:.*]] = graph.embedding %{{.*}}, %[[TABLE]] : (tensor<?xi32>, tensor<16x4xbf16>) -> tensor<?x4xbf16>
  %x = graph.embedding %ids, %table : (tensor<?xi32>, tensor<16x4xf32>) -> tensor<?x4xf32>
  %w = graph.get @w : tensor<8x4xf32>
  // CHECK: %[[W:.*]] = graph.get @w.bf16 : tensor<8x4xbf16>
  // CHECK-NEXT: %[[Y:.*]] = graph.linear %[[X]], %[[W]] {name = "up"} : (tensor<?x4xbf16>, tensor<8x4xbf16>) -> tensor<?x8xbf16>
  %y = graph.linear %x, %w {name = "up"} : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %s = graph.get @norm : tensor<8xbf16>
  %scale = graph.cast %s : tensor<8xbf16> -> tensor<8xf32>
  // CHECK: %[[NORMED:.*]] = graph.rms_norm %[[Y]], %{{.*}} eps {{.*}} : (tensor<?x8xbf16>, tensor<8xbf16>) -> tensor<?x8xbf16>
  %n = graph.rms_norm %y, %scale eps 1.0e-05 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: %[[OUT:.*]] = graph.add %[[NORMED]], %[[Y]] : (tensor<?x8xbf16>, tensor<?x8xbf16>) -> tensor<?x8xf32>
  %out = graph.add %n, %y : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %out : tensor<?x8xf32>
}

// -----

// A tied weight is read twice and derived once.
graph.parameter @tied : tensor<16x4xf32> from "model.safetensors" tensor "tied"
// CHECK-COUNT-1: graph.derived
// CHECK-NOT: graph.derived
// CHECK-LABEL: func.func @forward
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x16xf32> {
  %table = graph.get @tied : tensor<16x4xf32>
  %x = graph.embedding %ids, %table : (tensor<?xi32>, tensor<16x4xf32>) -> tensor<?x4xf32>
  %head = graph.get @tied : tensor<16x4xf32>
  %y = graph.linear %x, %head {name = "lm_head"} : (tensor<?x4xf32>, tensor<16x4xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
