// Values become places, kernels launches.
// RUN: qcc-opt %s -qcc-lower-to-engine="max-tokens=64 max-sequences=4 max-logit-rows=8" | FileCheck %s

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16
graph.parameter @t : tensor<32x16xbf16> from "f" tensor "t"
graph.parameter @w : tensor<16xbf16> from "f" tensor "w"
graph.derived @table : tensor<32x16xbf16> {
  %0 = graph.get @t : tensor<32x16xbf16>
  graph.yield %0 : tensor<32x16xbf16>
}
graph.derived @norm : tensor<16xbf16> {
  %0 = graph.get @w : tensor<16xbf16>
  graph.yield %0 : tensor<16xbf16>
}
graph.derived @head : tensor<8192xi8> {
  %0 = graph.get @t : tensor<32x16xbf16>
  %1 = graph.pack %0 as <fragment, bf16> : tensor<32x16xbf16> -> tensor<8192xi8>
  graph.yield %1 : tensor<8192xi8>
}

// One constant for a tensor, however often it is read.
// CHECK-COUNT-1: engine.constant @norm.const
// CHECK-NOT: engine.constant @norm.const
// The third value takes the first one's place; the fourth, of 8 rows, the second one's.
// CHECK: engine.buffer @[[A:.*]] offset 0 bytes 2048
// CHECK: engine.buffer @[[B:.*]] offset 2048 bytes 2048
// CHECK: engine.buffer @[[C:.*]] offset 0 bytes 2048
// CHECK: engine.buffer @[[D:.*]] offset 2048 bytes 256
// CHECK: engine.entry @forward
// CHECK: engine.launch @k_gather_{{.*}} args [#engine.const<@table.const>, #engine.input<"tokens">, #engine.buffer<@[[A]]>
// CHECK: args [#engine.buffer<@[[A]]>, #engine.const<@norm.const>, #engine.buffer<@[[B]]>, #engine.size<"T">]
// CHECK: args [#engine.buffer<@[[B]]>, #engine.const<@norm.const>, #engine.buffer<@[[C]]>, #engine.size<"T">]
// CHECK: args [#engine.buffer<@[[C]]>, #engine.input<"logit_rows">, #engine.buffer<@[[D]]>
// Two variants: the first case whose bounds hold.
// CHECK: engine.choice
// CHECK: engine.case {R = 8 : i64}
// CHECK: engine.launch @k_gemm_{{.*}} args [#engine.const<@head.const>, #engine.buffer<@[[D]]>, #engine.output<"logits">, #engine.size<"R">]
// CHECK: engine.case {}
// CHECK: engine.launch @k_gemm_
// A result of the function is an output, also for its other readers.
// CHECK: args [#engine.output<"logits">, #engine.output<"next_tokens">
// CHECK: engine.model "m"
// CHECK-SAME: arena_bytes = 4096 : i64
func.func @forward(%tokens: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %starts: tensor<?xi32>, %lens: tensor<?xi32>,
                   %tables: tensor<?x?xi32>, %rows: tensor<?xi32>) -> (tensor<?x32xf32>, tensor<?xi32>) {
  %t = graph.get @table : tensor<32x16xbf16>
  %a = kernel.gather %t at %tokens rows T {variants = [#kernel.variant<{}, {WARPS = 1}>]} : (tensor<32x16xbf16>, tensor<?xi32>) -> tensor<?x16xbf16>
  %n = graph.get @norm : tensor<16xbf16>
  %b = kernel.normalize %a weight %n eps 1.0e-05 rows T {variants = [#kernel.variant<{}, {ROWS_PER_BLOCK = 4, WARPS_PER_ROW = 1}>]} : tensor<?x16xbf16>, tensor<16xbf16> -> tensor<?x16xbf16>
  %c = kernel.normalize %b weight %n eps 1.0e-05 rows T {variants = [#kernel.variant<{}, {ROWS_PER_BLOCK = 4, WARPS_PER_ROW = 1}>]} : tensor<?x16xbf16>, tensor<16xbf16> -> tensor<?x16xbf16>
  %d = kernel.gather %c at %rows rows R {variants = [#kernel.variant<{}, {WARPS = 1}>]} : (tensor<?x16xbf16>, tensor<?xi32>) -> tensor<?x16xbf16>
  %w = graph.get @head : tensor<8192xi8>
  %y = kernel.gemm bf16 rows R weights(%w) x(%d) {variants = [#kernel.variant<{R = 8}, {BLOCK_K = 64, BLOCK_M = 16, BLOCK_N = 8, STAGES = 2, WARPS_K = 1, WARPS_M = 1}>,
                                                                     #kernel.variant<{}, {BLOCK_K = 64, BLOCK_M = 128, BLOCK_N = 128, STAGES = 2, WARPS_K = 1, WARPS_M = 4}>]} : (tensor<8192xi8>, tensor<?x16xbf16>) -> tensor<?x32xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  %z = kernel.argmax %y rows R {variants = [#kernel.variant<{}, {WARPS = 1}>]} : (tensor<?x32xf32>) -> tensor<?xi32>
  return %y, %z : tensor<?x32xf32>, tensor<?xi32>
}
}
