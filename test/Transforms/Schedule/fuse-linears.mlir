// RUN: qcc-opt %s -qcc-fuse-linears -split-input-file | FileCheck %s

graph.derived @q : tensor<16x64xf8E4M3FN>, tensor<16xf32> {
  %t = graph.get @qw : tensor<16x64xbf16>
  %c, %s = graph.quantize %t to <f8E4M3FN, channel, scale = f32> : (tensor<16x64xbf16>) -> (tensor<16x64xf8E4M3FN>, tensor<16xf32>)
  graph.yield %c, %s : tensor<16x64xf8E4M3FN>, tensor<16xf32>
}
graph.derived @k : tensor<8x64xf8E4M3FN>, tensor<8xf32> {
  %t = graph.get @kw : tensor<8x64xbf16>
  %c, %s = graph.quantize %t to <f8E4M3FN, channel, scale = f32> : (tensor<8x64xbf16>) -> (tensor<8x64xf8E4M3FN>, tensor<8xf32>)
  graph.yield %c, %s : tensor<8x64xf8E4M3FN>, tensor<8xf32>
}
graph.parameter @qw : tensor<16x64xbf16> from "model.safetensors" tensor "qw"
graph.parameter @kw : tensor<8x64xbf16> from "model.safetensors" tensor "kw"

// The parts' codes and scales are joined row by row, so each row keeps its own scale; the results are slices.
// CHECK: graph.derived @"layers.0.q_proj+k_proj.weight" : tensor<24x64xf8E4M3FN>, tensor<24xf32> {
// CHECK-DAG: %[[Q:.*]]:2 = graph.get @q :
// CHECK-DAG: %[[K:.*]]:2 = graph.get @k :
// CHECK-DAG: graph.concat %[[Q]]#0, %[[K]]#0 axis 0
// CHECK-DAG: graph.concat %[[Q]]#1, %[[K]]#1 axis 0
// CHECK-LABEL: @same_scheme
// CHECK: %[[Y:.*]] = graph.linear %{{.*}} {name = "layers.0.q_proj+k_proj"} : (tensor<?x64xf32>, tensor<24x64xf32>) -> tensor<?x24xbf16>
// CHECK-DAG: graph.slice %[[Y]] axis 1 begin 0 size 16
// CHECK-DAG: graph.slice %[[Y]] axis 1 begin 16 size 8
func.func @same_scheme(%x: tensor<?x64xf32>) -> (tensor<?x16xbf16>, tensor<?x8xbf16>) {
  %qc, %qs = graph.get @q : tensor<16x64xf8E4M3FN>, tensor<16xf32>
  %qd = graph.dequantize %qc scale %qs from <f8E4M3FN, channel, scale = f32> : (tensor<16x64xf8E4M3FN>, tensor<16xf32>) -> tensor<16x64xf32>
  %q = graph.linear %x, %qd {name = "layers.0.q_proj"} : (tensor<?x64xf32>, tensor<16x64xf32>) -> tensor<?x16xbf16>
  %kc, %ks = graph.get @k : tensor<8x64xf8E4M3FN>, tensor<8xf32>
  %kd = graph.dequantize %kc scale %ks from <f8E4M3FN, channel, scale = f32> : (tensor<8x64xf8E4M3FN>, tensor<8xf32>) -> tensor<8x64xf32>
  %k = graph.linear %x, %kd {name = "layers.0.k_proj"} : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xbf16>
  return %q, %k : tensor<?x16xbf16>, tensor<?x8xbf16>
}

// -----

graph.derived @a : tensor<16x64xbf16> {
  %t = graph.get @aw : tensor<16x64xbf16>
  graph.yield %t : tensor<16x64xbf16>
}
graph.derived @b : tensor<8xbf16> {
  %t = graph.get @bw : tensor<8xbf16>
  graph.yield %t : tensor<8xbf16>
}
graph.derived @c : tensor<8x64xbf16> {
  %t = graph.get @cw : tensor<8x64xbf16>
  graph.yield %t : tensor<8x64xbf16>
}
graph.parameter @aw : tensor<16x64xbf16> from "model.safetensors" tensor "a"
graph.parameter @bw : tensor<8xbf16> from "model.safetensors" tensor "b"
graph.parameter @cw : tensor<8x64xbf16> from "model.safetensors" tensor "c"

// A bias on one side only: the two stay apart.
// CHECK-LABEL: @bias_on_one_side
// CHECK: graph.linear %{{.*}} {name = "a"}
// CHECK: graph.linear %{{.*}} bias %{{.*}} {name = "c"}
func.func @bias_on_one_side(%x: tensor<?x64xbf16>) -> (tensor<?x16xbf16>, tensor<?x8xbf16>) {
  %a = graph.get @a : tensor<16x64xbf16>
  %b = graph.get @b : tensor<8xbf16>
  %c = graph.get @c : tensor<8x64xbf16>
  %0 = graph.linear %x, %a {name = "a"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %1 = graph.linear %x, %c bias %b {name = "c"} : (tensor<?x64xbf16>, tensor<8x64xbf16>, tensor<8xbf16>) -> tensor<?x8xbf16>
  return %0, %1 : tensor<?x16xbf16>, tensor<?x8xbf16>
}
