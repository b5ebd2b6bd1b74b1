// What is illegal after the quantize phase.
// RUN: qcc-opt %s -qcc-verify-quantize -verify-diagnostics

module attributes {graph.model = {name = "tiny", architecture = "llama", vocabulary = 32 : i64, max_context = 128 : i64, byte_vocabulary = false, eos_tokens = array<i64: 0>}} {
graph.parameter @w : tensor<4x4xbf16> from "model.safetensors" tensor "w"
// expected-error @below {{illegal after the quantize phase: the cache must be bf16, f8E4M3FN or i8, is 'f32'; run qcc-set-kv-cache}}
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 8 page_size 64 : f32

// expected-error @below {{forward must take tokens, positions, slots, seq_starts, context_lens, block_tables and logit_rows}}
// expected-error @below {{forward must return f32 logits [R, V] and i32 next tokens [R]}}
func.func @forward(%x: tensor<?x4xbf16>) {
  // expected-error @below {{illegal after the quantize phase: forward must read derivations, not parameters}}
  %w = graph.get @w : tensor<4x4xbf16>
  // expected-error @below {{illegal after the quantize phase: float results must be bf16, one is 'tensor<4x4xf32>'; run qcc-lower-precision}}
  %0 = graph.neg %w : tensor<4x4xbf16> -> tensor<4x4xf32>
  // expected-error @below {{illegal after the quantize phase: a linear's weight must come from graph.get, directly or dequantized}}
  %1 = graph.linear %x, %0 {name = "a"} : (tensor<?x4xbf16>, tensor<4x4xf32>) -> tensor<?x4xbf16>
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x4xbf16>) -> (tensor<?x4xf8E4M3FN>, tensor<?xf32>)
  %d = graph.dequantize %c scale %s from <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x4xf8E4M3FN>, tensor<?xf32>) -> tensor<?x4xf32>
  // expected-error @below {{illegal after the quantize phase: dequantized values are for linears and tables of embeddings only}}
  %2 = graph.silu %d : tensor<?x4xf32> -> tensor<?x4xbf16>
  return
}
}
