// The kernels' page is a constant: a cache with another one is refused, whether it was imported so or edited.
// RUN: qcc-opt %s -qcc-choose-variants=targets=90 -verify-diagnostics -split-input-file

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// expected-note @below {{declared here}}
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 64 page_size 32 : bf16
func.func @forward(%q: tensor<?x128xbf16>, %ids: tensor<?xi32>, %tables: tensor<?x?xi32>) -> tensor<?x128xbf16> {
  // expected-error @below {{no kernel for a cache with pages of 32 tokens; page_size must be 64}}
  %a = kernel.attention @kv layer 0 heads 2 kv_heads 1 head_dim 64 scale 1.25e-01 q %q batch(%ids, %ids, %tables)
    : (tensor<?x128xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x128xbf16>
  return %a : tensor<?x128xbf16>
}
}

// -----

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// expected-note @below {{declared here}}
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 64 page_size 128 : i8
func.func @forward(%qkv: tensor<?x256xbf16>, %table: tensor<64x32x2xf32>, %ids: tensor<?xi32>) -> tensor<?x128xbf16> {
  // expected-error @below {{no kernel for a cache with pages of 128 tokens; page_size must be 64}}
  %q = kernel.rope_append @kv layer 0 heads 2 kv_heads 1 head_dim 64 qkv(%qkv, %qkv, %qkv) at [0, 128, 192]
    table %table positions %ids slots %ids
    : (tensor<?x256xbf16>, tensor<?x256xbf16>, tensor<?x256xbf16>, tensor<64x32x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x128xbf16>
  return %q : tensor<?x128xbf16>
}
}
