// RUN: qcc-opt %s -qcc-quantize-weights="preset=w4a16 group-size=32" | FileCheck %s --check-prefixes=CHECK,W4
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8" | FileCheck %s --check-prefixes=CHECK,FP8
// RUN: qcc-opt %s -qcc-quantize-weights="preset=none" | FileCheck %s --check-prefix=NONE
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8 exclude=re:.*gate,layers.0.up" | FileCheck %s --check-prefix=EXCLUDE
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8" --verify-roundtrip -o /dev/null

graph.parameter @gate : tensor<8x72xf16> from "model.safetensors" tensor "gate"
graph.parameter @up : tensor<8x72xbf16> from "model.safetensors" tensor "up"
graph.parameter @down : tensor<72x8xbf16> from "model.safetensors" tensor "down"
graph.parameter @head : tensor<16x72xbf16> from "model.safetensors" tensor "head"

// W4: #scheme = #graph.scheme<i4, group = 32, scale = bf16>
// FP8-DAG: #[[TOKEN:.*]] = #graph.scheme<f8E4M3FN, token, scale = f32, dynamic>
// FP8-DAG: #[[CHANNEL:.*]] = #graph.scheme<f8E4M3FN, channel, scale = f32>

// Codes come from the stored values, not from their bf16 rounding, and the replaced derivation is gone.
// W4: graph.derived @gate.w4g32 : tensor<8x72xi4>, tensor<8x3xbf16> {
// W4-NEXT: %[[STORED:.*]] = graph.get @gate : tensor<8x72xf16>
// W4-NEXT: %[[Q:.*]], %[[S:.*]] = graph.quantize %[[STORED]] to #scheme : (tensor<8x72xf16>) -> (tensor<8x72xi4>, tensor<8x3xbf16>)
// W4-NEXT: graph.yield %[[Q]], %[[S]]
// FP8: graph.derived @gate.fp8 : tensor<8x72xf8E4M3FN>, tensor<8xf32>
// CHECK-NOT: graph.derived @gate.bf16
graph.derived @gate.bf16 : tensor<8x72xbf16> {
  %0 = graph.get @gate : tensor<8x72xf16>
  %1 = graph.cast %0 : tensor<8x72xf16> -> tensor<8x72xbf16>
  graph.yield %1 : tensor<8x72xbf16>
}
graph.derived @up.bf16 : tensor<8x72xbf16> {
  %0 = graph.get @up : tensor<8x72xbf16>
  graph.yield %0 : tensor<8x72xbf16>
}
graph.derived @down.bf16 : tensor<72x8xbf16> {
  %0 = graph.get @down : tensor<72x8xbf16>
  graph.yield %0 : tensor<72x8xbf16>
}
// CHECK: graph.derived @head.bf16
graph.derived @head.bf16 : tensor<16x72xbf16> {
  %0 = graph.get @head : tensor<16x72xbf16>
  graph.yield %0 : tensor<16x72xbf16>
}

// NONE-LABEL: @forward
// NONE-NOT: quantize
// NONE: return
// CHECK-LABEL: @forward
//  CHECK-SAME:   %[[X:[^:]*]]: tensor<?x72xbf16>
// EXCLUDE-LABEL: @forward
//  EXCLUDE-SAME:   %[[X:[^:]*]]: tensor<?x72xbf16>
func.func @forward(%x: tensor<?x72xbf16>) -> tensor<?x16xf32> {
  // One quantization serves both linears.
  // FP8-NEXT: %[[XC:.*]], %[[XS:.*]] = graph.quantize %[[X]] to #[[TOKEN]] : (tensor<?x72xbf16>) -> (tensor<?x72xf8E4M3FN>, tensor<?xf32>)
  // FP8-NEXT: %[[XD:.*]] = graph.dequantize %[[XC]] scale %[[XS]] from #[[TOKEN]] : (tensor<?x72xf8E4M3FN>, tensor<?xf32>) -> tensor<?x72xf32>
  // FP8-NEXT: %[[C:.*]]:2 = graph.get @gate.fp8 : tensor<8x72xf8E4M3FN>, tensor<8xf32>
  // FP8-NEXT: %[[W:.*]] = graph.dequantize %[[C]]#0 scale %[[C]]#1 from #[[CHANNEL]]
  // FP8-NEXT: graph.linear %[[XD]], %[[W]] {name = "layers.0.gate"} : (tensor<?x72xf32>, tensor<8x72xf32>) -> tensor<?x8xbf16>
  // W4-NEXT: %[[C:.*]]:2 = graph.get @gate.w4g32 : tensor<8x72xi4>, tensor<8x3xbf16>
  // W4-NEXT: %[[W:.*]] = graph.dequantize %[[C]]#0 scale %[[C]]#1 from #scheme
  // W4-NEXT: graph.linear %[[X]], %[[W]] {name = "layers.0.gate"} : (tensor<?x72xbf16>, tensor<8x72xf32>) -> tensor<?x8xbf16>
  // EXCLUDE: %[[G:.*]] = graph.get @gate.bf16
  // EXCLUDE: graph.linear %[[X]], %[[G]] {name = "layers.0.gate"}
  %gate = graph.get @gate.bf16 : tensor<8x72xbf16>
  %0 = graph.linear %x, %gate {name = "layers.0.gate"} : (tensor<?x72xbf16>, tensor<8x72xbf16>) -> tensor<?x8xbf16>
  // FP8: graph.linear %[[XD]], %{{.*}} {name = "layers.0.up"}
  // EXCLUDE: %[[U:.*]] = graph.get @up.bf16
  // EXCLUDE: graph.linear %[[X]], %[[U]] {name = "layers.0.up"}
  %up = graph.get @up.bf16 : tensor<8x72xbf16>
  %1 = graph.linear %x, %up {name = "layers.0.up"} : (tensor<?x72xbf16>, tensor<8x72xbf16>) -> tensor<?x8xbf16>
  %2 = graph.mul %0, %1 : (tensor<?x8xbf16>, tensor<?x8xbf16>) -> tensor<?x8xbf16>
  // EXCLUDE: graph.get @down.fp8
  %down = graph.get @down.bf16 : tensor<72x8xbf16>
  %3 = graph.linear %2, %down {name = "layers.0.down"} : (tensor<?x8xbf16>, tensor<72x8xbf16>) -> tensor<?x72xbf16>
  // The head stays in bf16.
  // CHECK: %[[H:.*]] = graph.get @head.bf16 : tensor<16x72xbf16>
  // CHECK-NEXT: graph.linear %{{.*}}, %[[H]] {name = "lm_head"} : (tensor<?x72xbf16>, tensor<16x72xbf16>) -> tensor<?x16xf32>
  %head = graph.get @head.bf16 : tensor<16x72xbf16>
  %4 = graph.linear %3, %head {name = "lm_head"} : (tensor<?x72xbf16>, tensor<16x72xbf16>) -> tensor<?x16xf32>
  return %4 : tensor<?x16xf32>
}
