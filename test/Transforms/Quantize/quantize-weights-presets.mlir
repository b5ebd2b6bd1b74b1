// How each preset holds a weight and what it reads.
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w8a8" --verify-roundtrip | FileCheck %s --check-prefixes=CHECK,W8A8
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w8a16 group-size=0" | FileCheck %s --check-prefixes=CHECK,W8
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w4a16_asym group-size=64 search" --verify-roundtrip | FileCheck %s --check-prefixes=CHECK,ASYM
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w4afp8 group-size=32" | FileCheck %s --check-prefixes=CHECK,W4AFP8
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8_tensor" | FileCheck %s --check-prefixes=CHECK,TENSOR
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8_block" --verify-roundtrip | FileCheck %s --check-prefixes=CHECK,BLOCK
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w3a16 group-size=32" | FileCheck %s --check-prefixes=CHECK,W3
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w2a16 group-size=0" | FileCheck %s --check-prefixes=CHECK,W2
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w4a16 head embeddings" --verify-roundtrip | FileCheck %s --check-prefix=ALL
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8 embeddings" | FileCheck %s --check-prefix=FP8ALL
// Running the pass again changes nothing: what is quantized stays as it is.
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w8a8" -o %t.once
// RUN: qcc-opt %t.once -qcc-quantize-weights="preset=w4a16" | diff - %t.once

graph.parameter @table : tensor<24x160xbf16> from "model.safetensors" tensor "table"
graph.parameter @up : tensor<136x160xbf16> from "model.safetensors" tensor "up"
graph.parameter @head : tensor<24x136xbf16> from "model.safetensors" tensor "head"
graph.derived @table.bf16 : tensor<24x160xbf16> {
  %0 = graph.get @table : tensor<24x160xbf16>
  graph.yield %0 : tensor<24x160xbf16>
}
//   W8A8: #scheme = #graph.scheme<i8, channel, scale = f32>
//   W8A8: graph.derived @up.w8a8 : tensor<136x160xi8>, tensor<136xf32> {
//   W8A8: graph.quantize %{{.*}} to #scheme :
//     W8: graph.derived @up.w8 : tensor<136x160xi8>, tensor<136xbf16> {
//   ASYM: graph.derived @up.w4zg64 : tensor<136x160xi4>, tensor<136x3xbf16>, tensor<136x3xi4> {
//   ASYM: %[[C:.*]], %[[S:.*]]:2 = graph.quantize %{{.*}} to {{.*}} {search}
//   ASYM: graph.yield %[[C]], %[[S]]#0, %[[S]]#1
// W4AFP8: graph.derived @up.w4g32 : tensor<136x160xi4>, tensor<136x5xbf16> {
// TENSOR: graph.derived @up.fp8t : tensor<136x160xf8E4M3FN>, tensor<f32> {
//  BLOCK: graph.derived @up.fp8b : tensor<136x160xf8E4M3FN>, tensor<2x2xf32> {
//     W3: graph.derived @up.w3g32 : tensor<136x160xi3>, tensor<136x5xbf16> {
//     W2: graph.derived @up.w2 : tensor<136x160xi2>, tensor<136xbf16> {
graph.derived @up.bf16 : tensor<136x160xbf16> {
  %0 = graph.get @up : tensor<136x160xbf16>
  graph.yield %0 : tensor<136x160xbf16>
}
graph.derived @head.bf16 : tensor<24x136xbf16> {
  %0 = graph.get @head : tensor<24x136xbf16>
  graph.yield %0 : tensor<24x136xbf16>
}

//  CHECK-LABEL: @forward
//    ALL-LABEL: @forward
// FP8ALL-LABEL: @forward
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x24xf32> {
  // CHECK: %[[T:.*]] = graph.get @table.bf16
  // CHECK: %[[E:.*]] = graph.embedding %{{.*}}, %[[T]]
  // ALL: %[[T:.*]]:2 = graph.get @table.w8 : tensor<24x160xi8>, tensor<24xf32>
  // ALL-NEXT: %[[TD:.*]] = graph.dequantize %[[T]]#0 scale %[[T]]#1
  // ALL-NEXT: graph.embedding %{{.*}}, %[[TD]] : (tensor<?xi32>, tensor<24x160xf32>) -> tensor<?x160xbf16>
  // FP8ALL: graph.get @table.fp8 : tensor<24x160xf8E4M3FN>, tensor<24xf32>
  %table = graph.get @table.bf16 : tensor<24x160xbf16>
  %x = graph.embedding %ids, %table : (tensor<?xi32>, tensor<24x160xbf16>) -> tensor<?x160xbf16>
  //   W8A8: %[[Q:.*]], %[[QS:.*]] = graph.quantize %[[E]] to {{.*}} : (tensor<?x160xbf16>) -> (tensor<?x160xi8>, tensor<?xf32>)
  // W4AFP8: %[[Q:.*]], %[[QS:.*]] = graph.quantize %[[E]] to {{.*}} : (tensor<?x160xbf16>) -> (tensor<?x160xf8E4M3FN>, tensor<?xf32>)
  // TENSOR: %[[Q:.*]], %[[QS:.*]] = graph.quantize %[[E]] to {{.*}} : (tensor<?x160xbf16>) -> (tensor<?x160xf8E4M3FN>, tensor<?xf32>)
  //  BLOCK: %[[Q:.*]], %[[QS:.*]] = graph.quantize %[[E]] to {{.*}} : (tensor<?x160xbf16>) -> (tensor<?x160xf8E4M3FN>, tensor<?x2xf32>)
  // W8-NOT: graph.quantize
  // W3-NOT: graph.quantize
  // ASYM: graph.dequantize %[[W:.*]]#0 scale %[[W]]#1 zero %[[W]]#2
  // CHECK: graph.linear {{.*}} {name = "layers.0.up"} : {{.*}} -> tensor<?x136xbf16>
  %up = graph.get @up.bf16 : tensor<136x160xbf16>
  %0 = graph.linear %x, %up {name = "layers.0.up"} : (tensor<?x160xbf16>, tensor<136x160xbf16>) -> tensor<?x136xbf16>
  // CHECK: graph.get @head.bf16
  // ALL: graph.get @head.w4g128 : tensor<24x136xi4>, tensor<24x2xbf16>
  %head = graph.get @head.bf16 : tensor<24x136xbf16>
  %1 = graph.linear %0, %head {name = "lm_head"} : (tensor<?x136xbf16>, tensor<24x136xbf16>) -> tensor<?x24xf32>
  return %1 : tensor<?x24xf32>
}
