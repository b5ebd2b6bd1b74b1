// Every form of a quantized linear and the product it becomes. The codes are parameters, as calibration leaves them.
// RUN: qcc-opt %s -qcc-schedule-kernels -split-input-file | FileCheck %s

// A scale per tensor of the weight is repeated for each row; the activations' one scale is a constant.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xf8E4M3FN> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<f32> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @w : tensor<192x256xf8E4M3FN>, tensor<f32> {
  %c = graph.get @w.codes : tensor<192x256xf8E4M3FN>
  %s = graph.get @w.scales : tensor<f32>
  graph.yield %c, %s : tensor<192x256xf8E4M3FN>, tensor<f32>
}
graph.parameter @x.scale : tensor<f32> from "quantized/m.safetensors" tensor "x.scale"
graph.derived @xs : tensor<f32> {
  %s = graph.get @x.scale : tensor<f32>
  graph.yield %s : tensor<f32>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: graph.broadcast %{{.*}} : tensor<f32> -> tensor<192xf32>
// CHECK: qcc.layouts = ["#graph.layout<fragment, e4m3>", "#graph.layout<scales_channel>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm e4m3 rows T weights(%[[P]]#0, %[[P]]#1) x(%{{[^,]*}}, %{{.*}}) {label = "l"} : (tensor<49152xi8>, tensor<768xi8>, tensor<?x256xf8E4M3FN>, tensor<f32>)
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s = graph.get @w : tensor<192x256xf8E4M3FN>, tensor<f32>
  %w = graph.dequantize %c scale %s from <f8E4M3FN, tensor, scale = f32> : (tensor<192x256xf8E4M3FN>, tensor<f32>) -> tensor<192x256xbf16>
  %xs = graph.get @xs : tensor<f32>
  %q = graph.quantize %x scale %xs to <f8E4M3FN, tensor, scale = f32> : (tensor<?x256xbf16>, tensor<f32>) -> tensor<?x256xf8E4M3FN>
  %d = graph.dequantize %q scale %xs from <f8E4M3FN, tensor, scale = f32> : (tensor<?x256xf8E4M3FN>, tensor<f32>) -> tensor<?x256xbf16>
  %y = graph.linear %d, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// Blocks of weights with groups of activations.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xf8E4M3FN> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<2x2xf32> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @w : tensor<192x256xf8E4M3FN>, tensor<2x2xf32> {
  %c = graph.get @w.codes : tensor<192x256xf8E4M3FN>
  %s = graph.get @w.scales : tensor<2x2xf32>
  graph.yield %c, %s : tensor<192x256xf8E4M3FN>, tensor<2x2xf32>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: qcc.layouts = ["#graph.layout<fragment, e4m3>", "#graph.layout<scales_block>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm e4m3_block rows T weights(%[[P]]#0, %[[P]]#1) x(%{{[^,]*}}, %{{.*}}) {label = "l"} : (tensor<49152xi8>, tensor<16xi8>, tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s = graph.get @w : tensor<192x256xf8E4M3FN>, tensor<2x2xf32>
  %w = graph.dequantize %c scale %s from <f8E4M3FN, block = [128, 128], scale = f32> : (tensor<192x256xf8E4M3FN>, tensor<2x2xf32>) -> tensor<192x256xbf16>
  %q, %qs = graph.quantize %x to <f8E4M3FN, group = 128, scale = f32, dynamic> : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
  %d = graph.dequantize %q scale %qs from <f8E4M3FN, group = 128, scale = f32, dynamic> : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x256xbf16>
  %y = graph.linear %d, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// Integer weights with a scale per channel: one group, no `group`.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xi8> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<192xbf16> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @w : tensor<192x256xi8>, tensor<192xbf16> {
  %c = graph.get @w.codes : tensor<192x256xi8>
  %s = graph.get @w.scales : tensor<192xbf16>
  graph.yield %c, %s : tensor<192x256xi8>, tensor<192xbf16>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: graph.reshape %{{.*}} : tensor<192xbf16> -> tensor<192x1xbf16>
// CHECK: qcc.layouts = ["#graph.layout<fragment, s8_bf16>", "#graph.layout<scales_group>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm s8 rows T weights(%[[P]]#0, %[[P]]#1) x(%{{[^,]*}}) {label = "l"}
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s = graph.get @w : tensor<192x256xi8>, tensor<192xbf16>
  %w = graph.dequantize %c scale %s from <i8, channel, scale = bf16> : (tensor<192x256xi8>, tensor<192xbf16>) -> tensor<192x256xbf16>
  %y = graph.linear %x, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// Zero points travel beside the scales.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xi4> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<192x2xbf16> from "quantized/m.safetensors" tensor "w.scales"
graph.parameter @w.zeros : tensor<192x2xi4> from "quantized/m.safetensors" tensor "w.zeros"
graph.derived @w : tensor<192x256xi4>, tensor<192x2xbf16>, tensor<192x2xi4> {
  %c = graph.get @w.codes : tensor<192x256xi4>
  %s = graph.get @w.scales : tensor<192x2xbf16>
  %z = graph.get @w.zeros : tensor<192x2xi4>
  graph.yield %c, %s, %z : tensor<192x256xi4>, tensor<192x2xbf16>, tensor<192x2xi4>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: qcc.layouts = ["#graph.layout<fragment, s4>", "#graph.layout<scales_group>", "#graph.layout<zeros_group>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm s4_zero group 128 rows T weights(%[[P]]#0, %[[P]]#1) zeros(%[[P]]#2) x(%{{[^,]*}}) {label = "l"}
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s, %z = graph.get @w : tensor<192x256xi4>, tensor<192x2xbf16>, tensor<192x2xi4>
  %w = graph.dequantize %c scale %s zero %z from <i4, group = 128, scale = bf16, zero_point = i4> : (tensor<192x256xi4>, tensor<192x2xbf16>, tensor<192x2xi4>) -> tensor<192x256xbf16>
  %y = graph.linear %x, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// int8 on both sides.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xi8> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<192xf32> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @w : tensor<192x256xi8>, tensor<192xf32> {
  %c = graph.get @w.codes : tensor<192x256xi8>
  %s = graph.get @w.scales : tensor<192xf32>
  graph.yield %c, %s : tensor<192x256xi8>, tensor<192xf32>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: qcc.layouts = ["#graph.layout<fragment, s8>", "#graph.layout<scales_channel>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm s8a8 rows T weights(%[[P]]#0, %[[P]]#1) x(%{{[^,]*}}, %{{.*}}) {label = "l"} : (tensor<49152xi8>, tensor<768xi8>, tensor<?x256xi8>, tensor<?xf32>)
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s = graph.get @w : tensor<192x256xi8>, tensor<192xf32>
  %w = graph.dequantize %c scale %s from <i8, channel, scale = f32> : (tensor<192x256xi8>, tensor<192xf32>) -> tensor<192x256xbf16>
  %q, %qs = graph.quantize %x to <i8, token, scale = f32, dynamic> : (tensor<?x256xbf16>) -> (tensor<?x256xi8>, tensor<?xf32>)
  %d = graph.dequantize %q scale %qs from <i8, token, scale = f32, dynamic> : (tensor<?x256xi8>, tensor<?xf32>) -> tensor<?x256xbf16>
  %y = graph.linear %d, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// 4-bit weights with e4m3 activations.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xi4> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<192x4xbf16> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @w : tensor<192x256xi4>, tensor<192x4xbf16> {
  %c = graph.get @w.codes : tensor<192x256xi4>
  %s = graph.get @w.scales : tensor<192x4xbf16>
  graph.yield %c, %s : tensor<192x256xi4>, tensor<192x4xbf16>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: qcc.layouts = ["#graph.layout<fragment, s4_e4m3>", "#graph.layout<scales_group>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm s4_e4m3 group 64 rows T weights(%[[P]]#0, %[[P]]#1) x(%{{[^,]*}}, %{{.*}}) {label = "l"}
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s = graph.get @w : tensor<192x256xi4>, tensor<192x4xbf16>
  %w = graph.dequantize %c scale %s from <i4, group = 64, scale = bf16> : (tensor<192x256xi4>, tensor<192x4xbf16>) -> tensor<192x256xbf16>
  %q, %qs = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?xf32>)
  %d = graph.dequantize %q scale %qs from <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x256xf8E4M3FN>, tensor<?xf32>) -> tensor<?x256xbf16>
  %y = graph.linear %d, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// 2:4: half the values and, packed from the same codes, metadata.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @w.codes : tensor<192x256xi8> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @w.scales : tensor<192xf32> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @w : tensor<192x256xi8>, tensor<192xf32> {
  %c = graph.get @w.codes : tensor<192x256xi8>
  %s = graph.get @w.scales : tensor<192xf32>
  graph.yield %c, %s : tensor<192x256xi8>, tensor<192xf32>
}
// CHECK: graph.derived @l.packed
// CHECK: graph.get @w
// CHECK: qcc.layouts = ["#graph.layout<fragment, s8_24>", "#graph.layout<scales_channel>", "#graph.layout<metadata24, s8_24>"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:{{[23]}} = graph.get @l.packed
// CHECK: kernel.gemm s8_24 rows T weights(%[[P]]#0, %[[P]]#1) metadata(%[[P]]#2) x(%{{[^,]*}}, %{{.*}}) {label = "l"} : (tensor<24576xi8>, tensor<768xi8>, tensor<6144xi8>, tensor<?x256xi8>, tensor<?xf32>)
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c, %s = graph.get @w : tensor<192x256xi8>, tensor<192xf32>
  %w = graph.dequantize %c scale %s from <i8, channel, scale = f32> : (tensor<192x256xi8>, tensor<192xf32>) -> tensor<192x256xbf16>
  %q, %qs = graph.quantize %x to <i8, token, scale = f32, dynamic> : (tensor<?x256xbf16>) -> (tensor<?x256xi8>, tensor<?xf32>)
  %d = graph.dequantize %q scale %qs from <i8, token, scale = f32, dynamic> : (tensor<?x256xi8>, tensor<?xf32>) -> tensor<?x256xbf16>
  %y = graph.linear %d, %w {name = "l", sparse24} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// A pruned weight without codes.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<192x256xbf16> from "f" tensor "p"
graph.derived @w : tensor<192x256xbf16> {
  %t = graph.get @p : tensor<192x256xbf16>
  graph.yield %t : tensor<192x256xbf16>
}
// CHECK: graph.derived @l.packed : tensor<49152xi8>, tensor<6144xi8>
// CHECK-LABEL: func.func @forward
// CHECK: %[[P:[a-z0-9]+]]:2 = graph.get @l.packed
// CHECK: kernel.gemm bf16_24 rows T weights(%[[P]]#0) metadata(%[[P]]#1) x(%{{[^,]*}}) {label = "l"}
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %w = graph.get @w : tensor<192x256xbf16>
  %y = graph.linear %x, %w {name = "l", sparse24} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}

// -----

// Codes and scales may come from derivations of their own.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<192x256xi4> from "quantized/m.safetensors" tensor "w.codes"
graph.parameter @q : tensor<192x2xbf16> from "quantized/m.safetensors" tensor "w.scales"
graph.derived @codes : tensor<192x256xi4> {
  %t = graph.get @p : tensor<192x256xi4>
  graph.yield %t : tensor<192x256xi4>
}
graph.derived @scales : tensor<192x2xbf16> {
  %t = graph.get @q : tensor<192x2xbf16>
  graph.yield %t : tensor<192x2xbf16>
}
// CHECK: graph.derived @l.packed
// CHECK-DAG: graph.get @codes
// CHECK-DAG: graph.get @scales
// CHECK-LABEL: func.func @forward
// CHECK: kernel.gemm s4 group 128 rows T
func.func @forward(%x: tensor<?x256xbf16>) -> tensor<?x192xbf16> {
  %c = graph.get @codes : tensor<192x256xi4>
  %s = graph.get @scales : tensor<192x2xbf16>
  %w = graph.dequantize %c scale %s from <i4, group = 128, scale = bf16> : (tensor<192x256xi4>, tensor<192x2xbf16>) -> tensor<192x256xbf16>
  %y = graph.linear %x, %w {name = "l"} : (tensor<?x256xbf16>, tensor<192x256xbf16>) -> tensor<?x192xbf16>
  return %y : tensor<?x192xbf16>
}
}
