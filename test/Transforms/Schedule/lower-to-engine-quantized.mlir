// Places of codes, scales and an int8 cache: rows of codes and of group scales start 16-byte aligned.
// RUN: qcc-opt %s -qcc-choose-variants=targets=90 -qcc-lower-to-engine="max-tokens=64 max-sequences=4 max-logit-rows=8" | FileCheck %s

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 2 kv_heads 1 head_dim 16 page_size 64 : i8
graph.parameter @t : tensor<32x16xbf16> from "f" tensor "t"
graph.parameter @w : tensor<16xbf16> from "f" tensor "w"
graph.parameter @ps : tensor<f32> from "f" tensor "s"
graph.parameter @pt : tensor<64x8x2xf32> from "f" tensor "p"
graph.derived @table : tensor<32x16xi8>, tensor<32xf32> {
  %0 = graph.get @t : tensor<32x16xbf16>
  %c, %s = graph.quantize %0 to <i8, channel, scale = f32> : (tensor<32x16xbf16>) -> (tensor<32x16xi8>, tensor<32xf32>)
  graph.yield %c, %s : tensor<32x16xi8>, tensor<32xf32>
}
graph.derived @norm : tensor<16xbf16> {
  %0 = graph.get @w : tensor<16xbf16>
  graph.yield %0 : tensor<16xbf16>
}
graph.derived @scale : tensor<f32> {
  %0 = graph.get @ps : tensor<f32>
  graph.yield %0 : tensor<f32>
}
graph.derived @rope : tensor<64x8x2xf32> {
  %0 = graph.get @pt : tensor<64x8x2xf32>
  graph.yield %0 : tensor<64x8x2xf32>
}

// CHECK: engine.constant @scale.const from @scale result 0 : tensor<f32> bytes 4
// The embedding; 64 rows of 16 bf16.
// CHECK: engine.buffer @[[X:.*]] offset {{.*}} bytes 2048
// Group codes and their scales: one per row, on 16 bytes.
// CHECK: engine.buffer @[[GC:.*]] offset {{.*}} bytes 1024
// CHECK: engine.buffer @[[GS:.*]] offset {{.*}} bytes 1024
// Codes of a given scale.
// CHECK: engine.buffer @[[SC:.*]] offset {{.*}} bytes 1024
// Int8 codes and a scale per row.
// CHECK: engine.buffer @[[TC:.*]] offset {{.*}} bytes 1024
// CHECK: engine.buffer @[[TS:.*]] offset {{.*}} bytes 256
// CHECK: engine.launch @k_gather_{{.*}} args [#engine.const<@table.const.0>, #engine.const<@table.const.1>, #engine.input<"tokens">, #engine.buffer<@[[X]]>]
// CHECK: engine.launch @k_normalize_{{.*}} args [#engine.buffer<@[[X]]>, #engine.const<@norm.const>, #engine.buffer<@[[GC]]>, #engine.buffer<@[[GS]]>, #engine.size<"T">]
// CHECK: engine.launch @k_normalize_{{.*}} args [#engine.buffer<@[[X]]>, #engine.const<@norm.const>, #engine.buffer<@[[SC]]>, #engine.const<@scale.const>, #engine.size<"T">]
// CHECK: engine.launch @k_pointwise_{{.*}} args [#engine.buffer<@[[X]]>, #engine.buffer<@[[TC]]>, #engine.buffer<@[[TS]]>]
// The cache's scales lie in its pages: the kernels take nothing more than those of a bf16 cache.
// CHECK: engine.launch @k_rope_append_{{.*}}, #engine.cache<"k", 1>, #engine.cache<"v", 1>]
// CHECK: engine.launch @k_attention_{{.*}} args [#engine.buffer<@{{.*}}>, #engine.cache<"k", 1>, #engine.cache<"v", 1>, #engine.input<"seq_starts">
func.func @forward(%tokens: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %starts: tensor<?xi32>, %lens: tensor<?xi32>,
                   %tables: tensor<?x?xi32>, %rows: tensor<?xi32>) -> (tensor<?x16xf32>, tensor<?xi32>) {
  %t, %ts = graph.get @table : tensor<32x16xi8>, tensor<32xf32>
  %x = kernel.gather %t scale %ts at %tokens rows T : (tensor<32x16xi8>, tensor<32xf32>, tensor<?xi32>) -> tensor<?x16xbf16>
  %n = graph.get @norm : tensor<16xbf16>
  %s = graph.get @scale : tensor<f32>
  %gc, %gs = kernel.normalize %x weight %n eps 1.0e-05 rows T : tensor<?x16xbf16>, tensor<16xbf16> -> tensor<?x16xf8E4M3FN> scale tensor<?x1xf32>
  %sc = kernel.normalize %x weight %n static_scale %s eps 1.0e-05 rows T : tensor<?x16xbf16>, tensor<16xbf16> static_scale tensor<f32> -> tensor<?x16xi8>
  %tc, %tsc = kernel.pointwise(%x) at [0] rows T : (tensor<?x16xbf16>) -> (tensor<?x16xi8>, tensor<?xf32>) {
  ^bb0(%a: bf16):
    kernel.yield %a : bf16
  }
  %r = graph.get @rope : tensor<64x8x2xf32>
  %q = kernel.rope_append @kv layer 1 heads 1 kv_heads 1 head_dim 16 qkv(%x, %x, %x) at [0, 0, 0] table %r positions %positions slots %slots
    : (tensor<?x16xbf16>, tensor<?x16xbf16>, tensor<?x16xbf16>, tensor<64x8x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x16xbf16>
  %a = kernel.attention @kv layer 1 heads 1 kv_heads 1 head_dim 16 scale 2.5e-01 q %q batch(%starts, %lens, %tables)
    : (tensor<?x16xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x16xbf16>
  %last = kernel.gather %a at %rows rows R : (tensor<?x16xbf16>, tensor<?xi32>) -> tensor<?x16xbf16>
  %w = graph.get @head : tensor<8192xi8>
  %y = kernel.gemm bf16 rows R weights(%w) x(%last) : (tensor<8192xi8>, tensor<?x16xbf16>) -> tensor<?x16xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  %z = kernel.argmax %y rows R : (tensor<?x16xf32>) -> tensor<?xi32>
  return %y, %z : tensor<?x16xf32>, tensor<?xi32>
}
graph.derived @head : tensor<8192xi8> {
  %0 = graph.get @t : tensor<32x16xbf16>
  %1 = graph.pack %0 as <fragment, bf16> : tensor<32x16xbf16> -> tensor<8192xi8>
  graph.yield %1 : tensor<8192xi8>
}
}
