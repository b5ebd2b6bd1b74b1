// What the schedule phase refuses, by op.
// RUN: qcc-opt %s -qcc-schedule-kernels -verify-diagnostics -split-input-file

// An op that has no kernel.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  // expected-error @below {{has no kernel in this form}}
  %y = graph.softmax %x axis 1 : tensor<?x64xbf16> -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// A vector along the rows.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
func.func @forward(%x: tensor<?x64xbf16>, %v: tensor<64xbf16>) -> tensor<?x64xbf16> {
  // expected-error @below {{broadcast along rows has no point-wise kernel yet}}
  %y = graph.mul %x, %v : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// A scheme without a product kernel.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xf8E5M2>, tensor<64xf32> {
  %t = graph.get @p : tensor<64x64xbf16>
  %c, %s = graph.quantize %t to <f8E5M2, channel, scale = f32> : (tensor<64x64xbf16>) -> (tensor<64x64xf8E5M2>, tensor<64xf32>)
  graph.yield %c, %s : tensor<64x64xf8E5M2>, tensor<64xf32>
}
func.func @forward(%x: tensor<?x64xf32>) -> tensor<?x64xbf16> {
  %c, %s = graph.get @w : tensor<64x64xf8E5M2>, tensor<64xf32>
  %w = graph.dequantize %c scale %s from <f8E5M2, channel, scale = f32> : (tensor<64x64xf8E5M2>, tensor<64xf32>) -> tensor<64x64xf32>
  // expected-error @below {{no product kernel for weights #graph.scheme<f8E5M2, channel, scale = f32> and activations 'f32'; kernels exist for bf16 with bf16}}
  %y = graph.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// Float activations of bf16 weights.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  graph.yield %t : tensor<64x64xbf16>
}
func.func @forward(%x: tensor<?x64xf32>) -> tensor<?x64xbf16> {
  %w = graph.get @w : tensor<64x64xbf16>
  // expected-error @below {{no product kernel for weights 'bf16' and activations 'f32'; kernels exist for bf16 with bf16}}
  %y = graph.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// A weight that is computed in the step.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
func.func @forward(%x: tensor<?x64xbf16>, %w: tensor<64x64xbf16>) -> tensor<?x64xbf16> {
  // expected-error @below {{its weight must be a derivation, or dequantized from one}}
  %y = graph.linear %x, %w : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// Attention that nothing was appended for.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16
func.func @forward(%q: tensor<?x1x16xbf16>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) -> tensor<?x1x16xbf16> {
  // expected-error @below {{no kv_append of this layer before it}}
  %a = graph.attention @kv layer 0 scale 2.5e-01 q %q batch(%i, %i, %t) : (tensor<?x1x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x16xbf16>
  return %a : tensor<?x1x16xbf16>
}
}

// -----

// An append without attention is a write to the cache: it must not vanish.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16
func.func @forward(%k: tensor<?x1x16xbf16>, %i: tensor<?xi32>) {
  // expected-error @below {{has no kernel in this form}}
  graph.kv_append @kv layer 0 k %k v %k slots %i : tensor<?x1x16xbf16>, tensor<?x1x16xbf16>, tensor<?xi32>
  return
}
}

// -----

// q and k rotated by different embeddings.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16
func.func @forward(%x: tensor<?x16xbf16>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) -> tensor<?x16xbf16> {
  %h = graph.reshape %x : tensor<?x16xbf16> -> tensor<?x1x16xbf16>
  %q = graph.rope %h at %i with <default, dim = 16, theta = 1.0e+04> : (tensor<?x1x16xbf16>, tensor<?xi32>) -> tensor<?x1x16xbf16>
  %k = graph.rope %h at %i with <default, dim = 16, theta = 1.0e+06> : (tensor<?x1x16xbf16>, tensor<?xi32>) -> tensor<?x1x16xbf16>
  graph.kv_append @kv layer 0 k %k v %h slots %i : tensor<?x1x16xbf16>, tensor<?x1x16xbf16>, tensor<?xi32>
  // expected-error @below {{q and k must come from the same rope for the append kernel}}
  %a = graph.attention @kv layer 0 scale 2.5e-01 q %q batch(%i, %i, %t) : (tensor<?x1x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x16xbf16>
  %y = graph.reshape %a : tensor<?x1x16xbf16> -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}
}

// -----

// A norm on q alone.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16
func.func @forward(%x: tensor<?x16xbf16>, %i: tensor<?xi32>, %t: tensor<?x?xi32>, %w: tensor<16xbf16>) -> tensor<?x16xbf16> {
  %h = graph.reshape %x : tensor<?x16xbf16> -> tensor<?x1x16xbf16>
  %n = graph.rms_norm %h, %w eps 1.0e-06 : (tensor<?x1x16xbf16>, tensor<16xbf16>) -> tensor<?x1x16xbf16>
  %q = graph.rope %n at %i with <default, dim = 16, theta = 1.0e+04> : (tensor<?x1x16xbf16>, tensor<?xi32>) -> tensor<?x1x16xbf16>
  %k = graph.rope %h at %i with <default, dim = 16, theta = 1.0e+04> : (tensor<?x1x16xbf16>, tensor<?xi32>) -> tensor<?x1x16xbf16>
  graph.kv_append @kv layer 0 k %k v %h slots %i : tensor<?x1x16xbf16>, tensor<?x1x16xbf16>, tensor<?xi32>
  // expected-error @below {{q, k and v must be reshaped columns of projections, with norms on q and k or on neither}}
  %a = graph.attention @kv layer 0 scale 2.5e-01 q %q batch(%i, %i, %t) : (tensor<?x1x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x16xbf16>
  %y = graph.reshape %a : tensor<?x1x16xbf16> -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}
}

// -----

// Activations in a scheme that no kernel produces.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
func.func @forward(%x: tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>) {
  // expected-error @below {{no kernel quantizes 'tensor<?x64xbf16>' to #graph.scheme<f8E4M3FN, group = 64, scale = f32, dynamic>; kernels quantize bf16 to f8E4M3FN and i8 per token}}
  %c, %s = graph.quantize %x to <f8E4M3FN, group = 64, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>)
  return %c, %s : tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
}
}

// -----

// A table in a scheme that no kernel gathers from.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<32x64xbf16> from "f" tensor "p"
graph.derived @table : tensor<32x64xi4>, tensor<32x1xbf16> {
  %t = graph.get @p : tensor<32x64xbf16>
  %c, %s = graph.quantize %t to <i4, group = 64, scale = bf16> : (tensor<32x64xbf16>) -> (tensor<32x64xi4>, tensor<32x1xbf16>)
  graph.yield %c, %s : tensor<32x64xi4>, tensor<32x1xbf16>
}
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x64xbf16> {
  %c, %s = graph.get @table : tensor<32x64xi4>, tensor<32x1xbf16>
  // expected-error @below {{no kernel reads #graph.scheme<i4, group = 64, scale = bf16> here; products read dequantized weights and activations, and embeddings tables of f8E4M3FN or i8 per channel}}
  %t = graph.dequantize %c scale %s from <i4, group = 64, scale = bf16> : (tensor<32x64xi4>, tensor<32x1xbf16>) -> tensor<32x64xbf16>
  %y = graph.embedding %ids, %t : (tensor<?xi32>, tensor<32x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// 3-bit weights are for evaluation only.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xi3>, tensor<64x1xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  %c, %s = graph.quantize %t to <i3, group = 64, scale = bf16> : (tensor<64x64xbf16>) -> (tensor<64x64xi3>, tensor<64x1xbf16>)
  graph.yield %c, %s : tensor<64x64xi3>, tensor<64x1xbf16>
}
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %c, %s = graph.get @w : tensor<64x64xi3>, tensor<64x1xbf16>
  %w = graph.dequantize %c scale %s from <i3, group = 64, scale = bf16> : (tensor<64x64xi3>, tensor<64x1xbf16>) -> tensor<64x64xbf16>
  // expected-error @below {{no kernels for 3-bit weights; use w4a16, or qcc-eval to measure it}}
  %y = graph.linear %x, %w : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// Integer weights alone have no 2:4 product.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xi4>, tensor<64x1xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  %c, %s = graph.quantize %t to <i4, group = 64, scale = bf16> : (tensor<64x64xbf16>) -> (tensor<64x64xi4>, tensor<64x1xbf16>)
  graph.yield %c, %s : tensor<64x64xi4>, tensor<64x1xbf16>
}
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %c, %s = graph.get @w : tensor<64x64xi4>, tensor<64x1xbf16>
  %w = graph.dequantize %c scale %s from <i4, group = 64, scale = bf16> : (tensor<64x64xi4>, tensor<64x1xbf16>) -> tensor<64x64xbf16>
  // expected-error @below {{no product kernel for 2:4 sparse weights #graph.scheme<i4, group = 64, scale = bf16> and activations 'bf16'; kernels exist}}
  %y = graph.linear %x, %w {sparse24} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}

// -----

// Codes on one side only.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xi8>, tensor<64xf32> {
  %t = graph.get @p : tensor<64x64xbf16>
  %c, %s = graph.quantize %t to <i8, channel, scale = f32> : (tensor<64x64xbf16>) -> (tensor<64x64xi8>, tensor<64xf32>)
  graph.yield %c, %s : tensor<64x64xi8>, tensor<64xf32>
}
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %c, %s = graph.get @w : tensor<64x64xi8>, tensor<64xf32>
  %w = graph.dequantize %c scale %s from <i8, channel, scale = f32> : (tensor<64x64xi8>, tensor<64xf32>) -> tensor<64x64xbf16>
  // expected-error @below {{no product kernel for weights #graph.scheme<i8, channel, scale = f32> and activations 'bf16'}}
  %y = graph.linear %x, %w : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}
}
