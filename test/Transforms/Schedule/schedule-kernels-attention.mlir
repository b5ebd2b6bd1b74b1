// Attention with its RoPE, per-head norms and append to the cache.
// RUN: qcc-opt %s -qcc-schedule-kernels=max-context=32 -split-input-file | FileCheck %s

// q, k and v of one projection are column ranges of its rows; the table has a row for each position of the context asked for.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16
// CHECK: graph.derived @rope_table : tensor<32x8x2xf32>
// CHECK-LABEL: func.func @forward
// CHECK-SAME: (%[[QKV:[a-z0-9]+]]: tensor<?x64xbf16>, %[[POS:[a-z0-9]+]]: tensor<?xi32>, %[[SLOTS:[a-z0-9]+]]: tensor<?xi32>, %[[STARTS:[a-z0-9]+]]: tensor<?xi32>,
// CHECK: %[[T:.*]] = graph.get @rope_table
// CHECK: %[[Q:.*]] = kernel.rope_append @kv layer 0 heads 2 kv_heads 1 head_dim 16 qkv(%[[QKV]], %[[QKV]], %[[QKV]]) at [0, 32, 48] table %[[T]] positions %[[POS]] slots %[[SLOTS]] :
// CHECK: %[[A:.*]] = kernel.attention @kv layer 0 heads 2 kv_heads 1 head_dim 16 scale 2.500000e-01 window 8 q %[[Q]] batch(%[[STARTS]],
// CHECK-NEXT: return %[[A]]
func.func @forward(%qkv: tensor<?x64xbf16>, %pos: tensor<?xi32>, %slots: tensor<?xi32>, %starts: tensor<?xi32>, %lens: tensor<?xi32>, %tables: tensor<?x?xi32>) -> tensor<?x32xbf16> {
  %q = graph.slice %qkv axis 1 begin 0 size 32 : tensor<?x64xbf16> -> tensor<?x32xbf16>
  %k = graph.slice %qkv axis 1 begin 32 size 16 : tensor<?x64xbf16> -> tensor<?x16xbf16>
  %v = graph.slice %qkv axis 1 begin 48 size 16 : tensor<?x64xbf16> -> tensor<?x16xbf16>
  %qh = graph.reshape %q : tensor<?x32xbf16> -> tensor<?x2x16xbf16>
  %kh = graph.reshape %k : tensor<?x16xbf16> -> tensor<?x1x16xbf16>
  %vh = graph.reshape %v : tensor<?x16xbf16> -> tensor<?x1x16xbf16>
  %qr = graph.rope %qh at %pos with <default, dim = 16, theta = 1.0e+04> : (tensor<?x2x16xbf16>, tensor<?xi32>) -> tensor<?x2x16xbf16>
  %kr = graph.rope %kh at %pos with <default, dim = 16, theta = 1.0e+04> : (tensor<?x1x16xbf16>, tensor<?xi32>) -> tensor<?x1x16xbf16>
  graph.kv_append @kv layer 0 k %kr v %vh slots %slots : tensor<?x1x16xbf16>, tensor<?x1x16xbf16>, tensor<?xi32>
  %a = graph.attention @kv layer 0 scale 2.5e-01 window 8 q %qr batch(%starts, %lens, %tables) : (tensor<?x2x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x2x16xbf16>
  %y = graph.reshape %a : tensor<?x2x16xbf16> -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}
}

// -----

// Norms of q's and k's heads go into the append; two layers with one embedding share its table.
module attributes {graph.model = {name = "m", architecture = "qwen3", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 2 kv_heads 1 head_dim 16 page_size 64 : bf16
graph.parameter @p : tensor<16xbf16> from "f" tensor "p"
graph.derived @n : tensor<16xbf16> {
  %t = graph.get @p : tensor<16xbf16>
  graph.yield %t : tensor<16xbf16>
}
// CHECK: graph.derived @rope_table :
// CHECK-NOT: graph.rope_table {{.*}}graph.rope_table
// CHECK-LABEL: func.func @forward
// CHECK: kernel.rope_append @kv layer 0 {{.*}} norms(%[[N:.*]], %[[N]]) eps 1.000000e-05 table
// CHECK: graph.get @rope_table :
// CHECK: kernel.rope_append @kv layer 1 {{.*}} norms(%[[N]], %[[N]]) eps 1.000000e-05 table
func.func @forward(%x: tensor<?x16xbf16>, %pos: tensor<?xi32>, %slots: tensor<?xi32>, %starts: tensor<?xi32>, %lens: tensor<?xi32>, %tables: tensor<?x?xi32>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>) {
  %n = graph.get @n : tensor<16xbf16>
  %h = graph.reshape %x : tensor<?x16xbf16> -> tensor<?x1x16xbf16>
  %hn = graph.rms_norm %h, %n eps 1.0e-05 : (tensor<?x1x16xbf16>, tensor<16xbf16>) -> tensor<?x1x16xbf16>
  %r = graph.rope %hn at %pos with <default, dim = 16, theta = 1.0e+04> : (tensor<?x1x16xbf16>, tensor<?xi32>) -> tensor<?x1x16xbf16>
  graph.kv_append @kv layer 0 k %r v %h slots %slots : tensor<?x1x16xbf16>, tensor<?x1x16xbf16>, tensor<?xi32>
  %a0 = graph.attention @kv layer 0 scale 2.5e-01 q %r batch(%starts, %lens, %tables) : (tensor<?x1x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x16xbf16>
  graph.kv_append @kv layer 1 k %r v %h slots %slots : tensor<?x1x16xbf16>, tensor<?x1x16xbf16>, tensor<?xi32>
  %a1 = graph.attention @kv layer 1 scale 2.5e-01 q %r batch(%starts, %lens, %tables) : (tensor<?x1x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x16xbf16>
  %y0 = graph.reshape %a0 : tensor<?x1x16xbf16> -> tensor<?x16xbf16>
  %y1 = graph.reshape %a1 : tensor<?x1x16xbf16> -> tensor<?x16xbf16>
  return %y0, %y1 : tensor<?x16xbf16>, tensor<?x16xbf16>
}
}
