// Which kernel ops are given variants.
// RUN: qcc-opt %s -qcc-choose-variants=targets=90 | FileCheck %s

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : bf16

// A variant written by hand holds; an op without one gets one that serves every step.
// CHECK-LABEL: @keeps_given
// CHECK: kernel.argmax %{{.*}} rows R {variants = [#kernel.variant<{}, {WARPS = 1{{.*}}}>]}
// CHECK: kernel.argmax %{{.*}} rows R {variants = [{{.*}}#kernel.variant<{}, {WARPS = {{[0-9]+}}{{.*}}}>]}
func.func @keeps_given(%x: tensor<?x16xf32>) {
  %0 = kernel.argmax %x rows R {variants = [#kernel.variant<{}, {WARPS = 1}>]} : (tensor<?x16xf32>) -> tensor<?xi32>
  %1 = kernel.argmax %x rows R : (tensor<?x16xf32>) -> tensor<?xi32>
  return
}

// Decode of one new token per sequence comes first; prefill, without bounds, serves every other step.
// CHECK-LABEL: @attention
// CHECK: kernel.attention {{.*}}variants = [#kernel.variant<{Q = 1 : i64}, {{{.*}}SPLITS = {{.*}}}>, {{.*}}#kernel.variant<{}, {
// CHECK-NOT: SPLITS
// CHECK: return
func.func @attention(%q: tensor<?x32xbf16>, %starts: tensor<?xi32>, %lens: tensor<?xi32>, %tables: tensor<?x?xi32>) -> tensor<?x32xbf16> {
  %a = kernel.attention @kv layer 0 heads 2 kv_heads 1 head_dim 16 scale 2.5e-01 q %q batch(%starts, %lens, %tables) : (tensor<?x32xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x32xbf16>
  return %a : tensor<?x32xbf16>
}
}
