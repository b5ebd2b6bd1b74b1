// How parts of quantized weights are joined.
// RUN: qcc-opt %s -qcc-fuse-linears -split-input-file | FileCheck %s

// Scales per tensor differ, so the joined weight has one per channel.
graph.derived @a : tensor<16x64xf8E4M3FN>, tensor<f32> {
  %t = graph.get @p : tensor<16x64xbf16>
  %c, %s = graph.quantize %t to <f8E4M3FN, tensor, scale = f32> : (tensor<16x64xbf16>) -> (tensor<16x64xf8E4M3FN>, tensor<f32>)
  graph.yield %c, %s : tensor<16x64xf8E4M3FN>, tensor<f32>
}
graph.parameter @p : tensor<16x64xbf16> from "f" tensor "p"
// CHECK: graph.derived @"a+b.weight" : tensor<32x64xf8E4M3FN>, tensor<32xf32>
// CHECK: graph.broadcast %{{.*}} : tensor<f32> -> tensor<16xf32>
// CHECK: graph.broadcast %{{.*}} : tensor<f32> -> tensor<16xf32>
// CHECK: graph.concat %{{.*}} axis 0 : (tensor<16xf32>, tensor<16xf32>) -> tensor<32xf32>
// CHECK-LABEL: @tensor_scales
// CHECK: graph.dequantize %{{.*}} : (tensor<32x64xf8E4M3FN>, tensor<32xf32>) -> tensor<32x64xbf16>
// CHECK: graph.linear %{{.*}} {name = "a+b"}
func.func @tensor_scales(%x: tensor<?x64xbf16>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>) {
  %c, %s = graph.get @a : tensor<16x64xf8E4M3FN>, tensor<f32>
  %w = graph.dequantize %c scale %s from <f8E4M3FN, tensor, scale = f32> : (tensor<16x64xf8E4M3FN>, tensor<f32>) -> tensor<16x64xbf16>
  %a = graph.linear %x, %w {name = "a"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %b = graph.linear %x, %w {name = "b"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  return %a, %b : tensor<?x16xbf16>, tensor<?x16xbf16>
}

// -----

// Rows that are not whole blocks of scales end a group: a and b join, c stays alone.
graph.parameter @p : tensor<128x64xbf16> from "f" tensor "p"
graph.parameter @q : tensor<64x64xbf16> from "f" tensor "q"
graph.derived @a : tensor<128x64xf8E4M3FN>, tensor<1x1xf32> {
  %t = graph.get @p : tensor<128x64xbf16>
  %c, %s = graph.quantize %t to <f8E4M3FN, block = [128, 128], scale = f32> : (tensor<128x64xbf16>) -> (tensor<128x64xf8E4M3FN>, tensor<1x1xf32>)
  graph.yield %c, %s : tensor<128x64xf8E4M3FN>, tensor<1x1xf32>
}
graph.derived @b : tensor<64x64xf8E4M3FN>, tensor<1x1xf32> {
  %t = graph.get @q : tensor<64x64xbf16>
  %c, %s = graph.quantize %t to <f8E4M3FN, block = [128, 128], scale = f32> : (tensor<64x64xbf16>) -> (tensor<64x64xf8E4M3FN>, tensor<1x1xf32>)
  graph.yield %c, %s : tensor<64x64xf8E4M3FN>, tensor<1x1xf32>
}
// CHECK: graph.derived @"a+b.weight" : tensor<192x64xf8E4M3FN>, tensor<2x1xf32>
// CHECK-LABEL: @blocks
// CHECK-DAG: {name = "a+b"}
// CHECK-DAG: {name = "c"}
func.func @blocks(%x: tensor<?x64xbf16>) -> (tensor<?x128xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %c, %s = graph.get @a : tensor<128x64xf8E4M3FN>, tensor<1x1xf32>
  %w = graph.dequantize %c scale %s from <f8E4M3FN, block = [128, 128], scale = f32> : (tensor<128x64xf8E4M3FN>, tensor<1x1xf32>) -> tensor<128x64xbf16>
  %cb, %sb = graph.get @b : tensor<64x64xf8E4M3FN>, tensor<1x1xf32>
  %wb = graph.dequantize %cb scale %sb from <f8E4M3FN, block = [128, 128], scale = f32> : (tensor<64x64xf8E4M3FN>, tensor<1x1xf32>) -> tensor<64x64xbf16>
  %a = graph.linear %x, %w {name = "a"} : (tensor<?x64xbf16>, tensor<128x64xbf16>) -> tensor<?x128xbf16>
  %b = graph.linear %x, %wb {name = "b"} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %d = graph.linear %x, %wb {name = "c"} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %a, %b, %d : tensor<?x128xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>
}

// -----

// Zero points are joined like scales.
graph.parameter @p : tensor<16x64xbf16> from "f" tensor "p"
graph.derived @a : tensor<16x64xi4>, tensor<16x2xbf16>, tensor<16x2xi4> {
  %t = graph.get @p : tensor<16x64xbf16>
  %c, %s, %z = graph.quantize %t to <i4, group = 32, scale = bf16, zero_point = i4> : (tensor<16x64xbf16>) -> (tensor<16x64xi4>, tensor<16x2xbf16>, tensor<16x2xi4>)
  graph.yield %c, %s, %z : tensor<16x64xi4>, tensor<16x2xbf16>, tensor<16x2xi4>
}
// CHECK: graph.derived @"a+b.weight" : tensor<32x64xi4>, tensor<32x2xbf16>, tensor<32x2xi4>
// CHECK-LABEL: @zeros
// CHECK: graph.dequantize %{{.*}}#0 scale %{{.*}}#1 zero %{{.*}}#2 from
// CHECK: graph.linear %{{.*}} {name = "a+b"}
func.func @zeros(%x: tensor<?x64xbf16>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>) {
  %c, %s, %z = graph.get @a : tensor<16x64xi4>, tensor<16x2xbf16>, tensor<16x2xi4>
  %w = graph.dequantize %c scale %s zero %z from <i4, group = 32, scale = bf16, zero_point = i4> : (tensor<16x64xi4>, tensor<16x2xbf16>, tensor<16x2xi4>) -> tensor<16x64xbf16>
  %a = graph.linear %x, %w {name = "a"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %b = graph.linear %x, %w {name = "b"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  return %a, %b : tensor<?x16xbf16>, tensor<?x16xbf16>
}

// -----

// Sparse and dense weights stay apart; two sparse ones stay sparse.
graph.parameter @p : tensor<16x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<16x64xbf16> {
  %t = graph.get @p : tensor<16x64xbf16>
  graph.yield %t : tensor<16x64xbf16>
}
// CHECK-LABEL: @sparse
// CHECK-DAG: graph.linear %{{.*}} {name = "a+c", sparse24}
// CHECK-DAG: graph.linear %{{.*}} {name = "b"}
func.func @sparse(%x: tensor<?x64xbf16>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>, tensor<?x16xbf16>) {
  %w = graph.get @w : tensor<16x64xbf16>
  %a = graph.linear %x, %w {name = "a", sparse24} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %b = graph.linear %x, %w {name = "b"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %c = graph.linear %x, %w {name = "c", sparse24} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  return %a, %b, %c : tensor<?x16xbf16>, tensor<?x16xbf16>, tensor<?x16xbf16>
}
