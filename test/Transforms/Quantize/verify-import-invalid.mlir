// What is illegal after the import phase.
// RUN: qcc-opt %s -qcc-verify-import -verify-diagnostics -split-input-file

// expected-error @below {{illegal after the import phase: no function 'forward'}}
// expected-error @below {{illegal after the import phase: no attribute graph.model}}
module {
}

// -----

module attributes {graph.model = {name = "tiny", architecture = "llama", vocabulary = 32 : i64, max_context = 128 : i64, byte_vocabulary = false, eos_tokens = array<i64: 0>}} {
// expected-error @below {{illegal after the import phase: nothing is derived yet}}
graph.derived @table : tensor<4x1x2xf32> {
  %0 = graph.rope_table <default, dim = 2, theta = 1.0e+04> positions 4 : tensor<4x1x2xf32>
  graph.yield %0 : tensor<4x1x2xf32>
}
// expected-error @below {{illegal after the import phase: the cache must be f32, is 'bf16'}}
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 8 page_size 64 : bf16
// expected-error @below {{forward must take tokens, positions, slots, seq_starts, context_lens, block_tables and logit_rows}}
// expected-error @below {{forward must return f32 logits [R, V] and i32 next tokens [R]}}
func.func @forward(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) {
  // expected-error @below {{illegal after the import phase: float results must be f32, one is 'tensor<?x4xbf16>'}}
  %0 = graph.silu %x : tensor<?x4xf32> -> tensor<?x4xbf16>
  // expected-error @below {{illegal after the import phase: every linear must have a name of its own}}
  %1 = graph.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %2 = graph.linear %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-error @below {{illegal after the import phase: every linear must have a name of its own}}
  %3 = graph.linear %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-error @below {{illegal after the import phase: quantization belongs to the next phase}}
  // expected-error @below {{illegal after the import phase: float results must be f32, one is 'tensor<?x4xf8E4M3FN>'}}
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x4xf32>) -> (tensor<?x4xf8E4M3FN>, tensor<?xf32>)
  // expected-error @below {{illegal after the import phase: expected a graph op}}
  %4 = arith.constant 1.0 : f32
  return
}
}
