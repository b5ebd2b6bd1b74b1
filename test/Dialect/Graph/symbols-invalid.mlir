// Parameters, derivations and the cache: one case per constraint of docs/spec.md, named by its label.
// RUN: qcc-opt %s -verify-diagnostics -split-input-file

// expected-error @below {{graph.model must be a dictionary on a module}}
module @model_c1 attributes {graph.model = "tiny"} {}

// -----

// expected-error @below {{graph.model must have max_context, a positive integer}}
module @model_c2 attributes {graph.model = {name = "tiny", architecture = "llama", vocabulary = 32 : i64, max_context = 0 : i64}} {}

// -----

// expected-error @below {{must have a static shape}}
graph.parameter @parameter_c1 : tensor<?xbf16> from "model.safetensors" tensor "w"

// -----

// expected-error @below {{element type 'i16' must be f32, bf16, f16, f8E4M3FN, i2, i3, i4 or i8}}
graph.parameter @parameter_c2 : tensor<4xi16> from "model.safetensors" tensor "w"

// -----

// expected-error @below {{must be a ranked tensor of static shape}}
graph.derived @derived_c1 : tensor<?xf32> {
  %0 = graph.rope_table <default, dim = 2, theta = 1.0e+04> positions 4 : tensor<4x1x2xf32>
  graph.yield %0 : tensor<4x1x2xf32>
}

// -----

graph.parameter @w : tensor<4xf32> from "model.safetensors" tensor "w"
// expected-error @below {{region must end with a graph.yield of 'tensor<4xbf16>'}}
graph.derived @derived_c2 : tensor<4xbf16> {
  %0 = graph.get @w : tensor<4xf32>
  graph.yield %0 : tensor<4xf32>
}

// -----

graph.parameter @w : tensor<4xf32> from "model.safetensors" tensor "w"
// expected-note @below {{in this derivation}}
graph.derived @derived_c3 : tensor<4xf32> {
  %0 = graph.get @w : tensor<4xf32>
  // expected-error @below {{must not be in a derivation}}
  %1 = graph.silu %0 : tensor<4xf32> -> tensor<4xf32>
  graph.yield %1 : tensor<4xf32>
}

// -----

// expected-error @below {{head_dim 3 must be even}}
graph.kv_cache @kv_cache_c1 layers 1 kv_heads 1 head_dim 3 page_size 64 : bf16

// -----

// expected-error @below {{layers, kv_heads, head_dim and page_size must be positive, one is 0}}
graph.kv_cache @kv_cache_c1 layers 0 kv_heads 1 head_dim 4 page_size 64 : bf16

// -----

// expected-error @below {{element type 'i4' must be f32, bf16, f8E4M3FN or i8}}
graph.kv_cache @kv_cache_c2 layers 1 kv_heads 1 head_dim 4 page_size 64 : i4

// -----

// expected-error @below {{must be present exactly when the element type is f8E4M3FN}}
graph.kv_cache @kv_cache_c3 layers 1 kv_heads 1 head_dim 4 page_size 64 : f8E4M3FN

// -----

// The scales of an i8 cache are computed.
// expected-error @below {{must be present exactly when the element type is f8E4M3FN}}
graph.kv_cache @kv_cache_c3 layers 1 kv_heads 1 head_dim 4 page_size 64 : i8 k_scale [1.0] v_scale [1.0]

// -----

// expected-error @below {{has 1 scales, must have layers x kv_heads = 2}}
graph.kv_cache @kv_cache_c4 layers 2 kv_heads 1 head_dim 4 page_size 64 : f8E4M3FN k_scale [1.0] v_scale [1.0]

// -----

// expected-error @below {{must be positive and finite}}
graph.kv_cache @kv_cache_c4 layers 1 kv_heads 1 head_dim 4 page_size 64 : f8E4M3FN k_scale [1.0] v_scale [-1.0]

// -----

func.func @get_c1() {
  // expected-error @below {{@missing is not a graph.parameter or graph.derived}}
  %0 = graph.get @missing : tensor<4xf32>
  return
}

// -----

// expected-note @below {{declared here}}
graph.parameter @w : tensor<4xf32> from "model.safetensors" tensor "w"
func.func @get_c2() {
  // expected-error @below {{has type 'tensor<5xf32>', the symbol has 'tensor<4xf32>'}}
  %0 = graph.get @w : tensor<5xf32>
  return
}

// -----

func.func @kv_append_c1(%k: tensor<?x1x4xf32>, %v: tensor<?x2x4xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{must be [T, kv_heads, head_dim] twice and i32 [T]}}
  graph.kv_append @kv layer 0 k %k v %v slots %s : tensor<?x1x4xf32>, tensor<?x2x4xf32>, tensor<?xi32>
  return
}

// -----

graph.kv_cache @kv layers 1 kv_heads 2 head_dim 4 page_size 64 : bf16
func.func @kv_append_c2(%k: tensor<?x1x4xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{must have the cache's 2 heads of 4}}
  graph.kv_append @kv layer 0 k %k v %k slots %s : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>
  return
}

// -----

graph.kv_cache @kv layers 1 kv_heads 1 head_dim 4 page_size 64 : bf16
func.func @kv_append_c2_layer(%k: tensor<?x1x4xf32>, %s: tensor<?xi32>) {
  // expected-error @below {{layer 1 is out of range [0, 1)}}
  graph.kv_append @kv layer 1 k %k v %k slots %s : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>
  return
}

// -----

func.func @attention_c1(%q: tensor<?x4xf32>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{must both be [T, heads, head_dim]}}
  %0 = graph.attention @kv layer 0 scale 1.0 q %q batch(%i, %i, %t) : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x2x4xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{must be i32 [B1], [B] and [B, P]}}
  %0 = graph.attention @kv layer 0 scale 1.0 q %q batch(%i, %i, %i) : (tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

graph.kv_cache @kv layers 1 kv_heads 2 head_dim 4 page_size 64 : bf16
func.func @attention_c3(%q: tensor<?x3x4xf32>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{must have heads of 4, a multiple of the cache's 2 heads}}
  %0 = graph.attention @kv layer 0 scale 1.0 q %q batch(%i, %i, %t) : (tensor<?x3x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x3x4xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<?x2x4xf32>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{must be positive and finite}}
  %0 = graph.attention @kv layer 0 scale 0.0 q %q batch(%i, %i, %t) : (tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @attention_c5(%q: tensor<?x2x4xf32>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{window 0 must be positive}}
  %0 = graph.attention @kv layer 0 scale 1.0 window 0 q %q batch(%i, %i, %t) : (tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x2x4xf32>
  return
}
