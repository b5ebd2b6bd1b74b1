// Norms, point-wise chains and the quantization behind them.
// RUN: qcc-opt %s -qcc-schedule-kernels -split-input-file | FileCheck %s

// A norm takes the quantization behind it; where its bf16 result is wanted too, that is a kernel of its own.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64xbf16> {
  %t = graph.get @p : tensor<64xbf16>
  graph.yield %t : tensor<64xbf16>
}
// CHECK-LABEL: func.func @forward
// CHECK: %[[N:.*]] = kernel.normalize %{{.*}} -> tensor<?x64xbf16>
// CHECK: %[[C:.*]], %[[S:.*]] = kernel.normalize %{{.*}} weight %{{.*}} eps 1.000000e-05 rows T : {{.*}} -> tensor<?x64xf8E4M3FN> scale tensor<?xf32>
// CHECK: return %[[N]], %[[C]], %[[S]], %[[C]]
func.func @forward(%x: tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xf8E4M3FN>, tensor<?xf32>, tensor<?x64xf8E4M3FN>) {
  %w = graph.get @w : tensor<64xbf16>
  %n = graph.rms_norm %x, %w eps 1.0e-05 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  %c0, %s0 = graph.quantize %n to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
  %c1, %s1 = graph.quantize %n to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
  return %n, %c0, %s0, %c1 : tensor<?x64xbf16>, tensor<?x64xf8E4M3FN>, tensor<?xf32>, tensor<?x64xf8E4M3FN>
}
}

// -----

// SwiGLU of the two halves of one product, quantized: the slices become column offsets, and silu is rounded where the graph rounds it.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK-LABEL: func.func @forward
// CHECK-SAME: (%[[GU:.*]]: tensor<?x128xbf16>)
// CHECK-NEXT: kernel.pointwise(%[[GU]], %[[GU]]) at [0, 64] rows T : {{.*}} -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
// CHECK-NEXT: ^bb0(%[[G:.*]]: bf16, %[[U:.*]]: bf16):
// CHECK: arith.divf
// CHECK-NEXT: arith.truncf %{{.*}} : f32 to bf16
// CHECK: arith.mulf
// CHECK-NEXT: %[[R:.*]] = arith.truncf
// CHECK-NEXT: kernel.yield %[[R]]
// CHECK-NOT: kernel.
func.func @forward(%gu: tensor<?x128xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>) {
  %g = graph.slice %gu axis 1 begin 0 size 64 : tensor<?x128xbf16> -> tensor<?x64xbf16>
  %u = graph.slice %gu axis 1 begin 64 size 64 : tensor<?x128xbf16> -> tensor<?x64xbf16>
  %s = graph.silu %g : tensor<?x64xbf16> -> tensor<?x64xbf16>
  %m = graph.mul %s, %u : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  %c, %scale = graph.quantize %m to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
  return %c, %scale : tensor<?x64xf8E4M3FN>, tensor<?xf32>
}
}

// -----

// A value read twice is computed once, in a kernel of its own.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK-LABEL: func.func @forward
// CHECK: %[[E:.*]] = kernel.pointwise
// CHECK: %[[S:.*]] = kernel.pointwise(%[[E]], %{{.*}}) at [0, 0]
// CHECK: return %[[E]], %[[S]]
func.func @forward(%x: tensor<?x64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %e = graph.exp %x : tensor<?x64xbf16> -> tensor<?x64xbf16>
  %s = graph.sub %e, %x : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %e, %s : tensor<?x64xbf16>, tensor<?x64xbf16>
}
}

// -----

// A quantization of something no kernel can take it into (here an argument) is a kernel that only quantizes.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK-LABEL: func.func @forward
// CHECK: kernel.pointwise(%{{.*}}) at [0] rows T : {{.*}} -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
// CHECK-NEXT: ^bb0(%[[A:.*]]: bf16):
// CHECK-NEXT: kernel.yield %[[A]] : bf16
func.func @forward(%x: tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>) {
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
  return %c, %s : tensor<?x64xf8E4M3FN>, tensor<?xf32>
}
}

// -----

// Behind the gathering of the rows whose logits are wanted, R counts the rows.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK-LABEL: func.func @forward
// CHECK: kernel.gather %{{.*}} rows R
// CHECK: kernel.pointwise(%{{.*}}) at [0] rows R
func.func @forward(%x: tensor<?x64xbf16>, %rows: tensor<?xi32>) -> tensor<?x64xbf16> {
  %r = graph.gather_rows %x at %rows : (tensor<?x64xbf16>, tensor<?xi32>) -> tensor<?x64xbf16>
  %e = graph.exp %r : tensor<?x64xbf16> -> tensor<?x64xbf16>
  return %e : tensor<?x64xbf16>
}
}

// -----

// One norm, quantized in three ways: three kernels. A static scale is a constant of the kernel.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<200xbf16> from "f" tensor "p"
graph.derived @w : tensor<200xbf16> {
  %t = graph.get @p : tensor<200xbf16>
  graph.yield %t : tensor<200xbf16>
}
graph.parameter @ps : tensor<f32> from "f" tensor "s"
graph.derived @s : tensor<f32> {
  %t = graph.get @ps : tensor<f32>
  graph.yield %t : tensor<f32>
}
// CHECK-LABEL: func.func @forward
// CHECK: %[[C0:.*]], %[[S0:.*]] = kernel.normalize %{{.*}} -> tensor<?x200xi8> scale tensor<?xf32>
// CHECK: %[[C1:.*]], %[[S1:.*]] = kernel.normalize %{{.*}} -> tensor<?x200xf8E4M3FN> scale tensor<?x2xf32>
// CHECK: %[[GIVEN:.*]] = graph.get @s
// CHECK: %[[C2:.*]] = kernel.normalize %{{.*}} static_scale %[[GIVEN]] eps {{.*}} -> tensor<?x200xi8>
// CHECK-NOT: kernel.
// CHECK: return %[[C0]], %[[S0]], %[[C1]], %[[S1]], %[[C2]], %[[C2]]
func.func @forward(%x: tensor<?x200xbf16>) -> (tensor<?x200xi8>, tensor<?xf32>, tensor<?x200xf8E4M3FN>, tensor<?x2xf32>, tensor<?x200xi8>, tensor<?x200xi8>) {
  %w = graph.get @w : tensor<200xbf16>
  %n = graph.rms_norm %x, %w eps 1.0e-05 : (tensor<?x200xbf16>, tensor<200xbf16>) -> tensor<?x200xbf16>
  %c0, %s0 = graph.quantize %n to <i8, token, scale = f32, dynamic> : (tensor<?x200xbf16>) -> (tensor<?x200xi8>, tensor<?xf32>)
  %c1, %s1 = graph.quantize %n to <f8E4M3FN, group = 128, scale = f32, dynamic> : (tensor<?x200xbf16>) -> (tensor<?x200xf8E4M3FN>, tensor<?x2xf32>)
  %s = graph.get @s : tensor<f32>
  %c2 = graph.quantize %n scale %s to <i8, tensor, scale = f32> : (tensor<?x200xbf16>, tensor<f32>) -> tensor<?x200xi8>
  %c3 = graph.quantize %n scale %s to <i8, tensor, scale = f32> : (tensor<?x200xbf16>, tensor<f32>) -> tensor<?x200xi8>
  return %c0, %s0, %c1, %s1, %c2, %c3 : tensor<?x200xi8>, tensor<?xf32>, tensor<?x200xf8E4M3FN>, tensor<?x2xf32>, tensor<?x200xi8>, tensor<?x200xi8>
}
}

// -----

// A point-wise chain with a static scale, and one in groups.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK-LABEL: func.func @forward
// CHECK-SAME: %[[X:.*]]: tensor<?x64xbf16>, %[[S:.*]]: tensor<f32>
// CHECK: kernel.pointwise(%[[X]]) at [0] static_scale %[[S]] rows T : (tensor<?x64xbf16>, tensor<f32>) -> tensor<?x64xf8E4M3FN>
// CHECK: math.exp
// CHECK: kernel.pointwise(%[[X]]) at [0] rows T : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>)
// CHECK: arith.negf
func.func @forward(%x: tensor<?x64xbf16>, %s: tensor<f32>) -> (tensor<?x64xf8E4M3FN>, tensor<?x64xf8E4M3FN>, tensor<?x1xf32>) {
  %e = graph.exp %x : tensor<?x64xbf16> -> tensor<?x64xbf16>
  %c = graph.quantize %e scale %s to <f8E4M3FN, tensor, scale = f32> : (tensor<?x64xbf16>, tensor<f32>) -> tensor<?x64xf8E4M3FN>
  %n = graph.neg %x : tensor<?x64xbf16> -> tensor<?x64xbf16>
  %g, %gs = graph.quantize %n to <f8E4M3FN, group = 128, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>)
  return %c, %g, %gs : tensor<?x64xf8E4M3FN>, tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
}
}

// -----

// The rows of a quantized table are gathered as they are stored.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<32x64xbf16> from "f" tensor "p"
graph.derived @table : tensor<32x64xi8>, tensor<32xf32> {
  %t = graph.get @p : tensor<32x64xbf16>
  %c, %s = graph.quantize %t to <i8, channel, scale = f32> : (tensor<32x64xbf16>) -> (tensor<32x64xi8>, tensor<32xf32>)
  graph.yield %c, %s : tensor<32x64xi8>, tensor<32xf32>
}
// CHECK-LABEL: func.func @forward
// CHECK: %[[T:.*]]:2 = graph.get @table
// CHECK-NOT: graph.dequantize
// CHECK-COUNT-2: kernel.gather %[[T]]#0 scale %[[T]]#1 at %{{.*}} rows T : (tensor<32x64xi8>, tensor<32xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
func.func @forward(%ids: tensor<?xi32>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %c, %s = graph.get @table : tensor<32x64xi8>, tensor<32xf32>
  %t = graph.dequantize %c scale %s from <i8, channel, scale = f32> : (tensor<32x64xi8>, tensor<32xf32>) -> tensor<32x64xbf16>
  %y = graph.embedding %ids, %t : (tensor<?xi32>, tensor<32x64xbf16>) -> tensor<?x64xbf16>
  %f = graph.dequantize %c scale %s from <i8, channel, scale = f32> : (tensor<32x64xi8>, tensor<32xf32>) -> tensor<32x64xf32>
  %z = graph.embedding %ids, %f : (tensor<?xi32>, tensor<32x64xf32>) -> tensor<?x64xbf16>
  return %y, %z : tensor<?x64xbf16>, tensor<?x64xbf16>
}
}
