// A whole small model through the quantize phase: it is legal before, and legal after for every preset and cache.
// RUN: qcc-opt %s -qcc-verify-import -o /dev/null
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=none" | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=fp8 kv-cache=fp8" --verify-roundtrip | FileCheck %s --check-prefixes=CHECK,FP8
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=w4a16 group-size=32" --verify-roundtrip | FileCheck %s --check-prefixes=CHECK,W4

#rope = #graph.rope<default, dim = 8, theta = 1.0e+04>
module attributes {graph.model = {name = "tiny", architecture = "llama", vocabulary = 32 : i64, max_context = 128 : i64, byte_vocabulary = false, eos_tokens = array<i64: 0>}} {
graph.parameter @embed : tensor<32x16xbf16> from "model.safetensors" tensor "embed"
graph.parameter @norm : tensor<16xf32> from "model.safetensors" tensor "norm"
graph.parameter @q : tensor<16x16xf32> from "model.safetensors" tensor "q"
graph.parameter @k : tensor<8x16xf32> from "model.safetensors" tensor "k"
graph.parameter @bias : tensor<8xf32> from "model.safetensors" tensor "bias"
// BF16: graph.kv_cache @kv {{.*}} : bf16
// FP8: graph.kv_cache @kv {{.*}} : f8E4M3FN
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 8 page_size 64 : f32

// CHECK-LABEL: @forward
func.func @forward(%tokens: tensor<?xi32> {graph.dims = ["T"]}, %positions: tensor<?xi32> {graph.dims = ["T"]}, %slots: tensor<?xi32> {graph.dims = ["T"]},
                   %starts: tensor<?xi32> {graph.dims = ["B1"]}, %lens: tensor<?xi32> {graph.dims = ["B"]}, %tables: tensor<?x?xi32> {graph.dims = ["B", "P"]},
                   %rows: tensor<?xi32> {graph.dims = ["R"]}) -> (tensor<?x32xf32> {graph.dims = ["R"]}, tensor<?xi32> {graph.dims = ["R"]}) {
  %stored = graph.get @embed : tensor<32x16xbf16>
  %table = graph.cast %stored : tensor<32x16xbf16> -> tensor<32x16xf32>
  // CHECK: graph.embedding {{.*}} -> tensor<?x16xbf16>
  %x = graph.embedding %tokens, %table : (tensor<?xi32>, tensor<32x16xf32>) -> tensor<?x16xf32>
  %norm = graph.get @norm : tensor<16xf32>
  %n = graph.rms_norm %x, %norm eps 1.0e-05 : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %wq = graph.get @q : tensor<16x16xf32>
  %wk = graph.get @k : tensor<8x16xf32>
  %bias = graph.get @bias : tensor<8xf32>
  // FP8-COUNT-1: graph.quantize
  // W4-NOT: graph.quantize
  // BF16: graph.linear %[[N:.*]], %{{.*}} {name = "q_proj"} : (tensor<?x16xbf16>, tensor<16x16xbf16>) -> tensor<?x16xbf16>
  // FP8: graph.linear %[[N:.*]], %{{.*}} {name = "q_proj"} : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xbf16>
  // W4: graph.linear %[[N:.*]], %{{.*}} {name = "q_proj"} : (tensor<?x16xbf16>, tensor<16x16xf32>) -> tensor<?x16xbf16>
  %q = graph.linear %n, %wq {name = "q_proj"} : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
  // CHECK: graph.linear %[[N]], %{{.*}} bias %{{.*}} {name = "k_proj"} : {{.*}}tensor<8xbf16>) -> tensor<?x8xbf16>
  %k = graph.linear %n, %wk bias %bias {name = "k_proj"} : (tensor<?x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %qh = graph.reshape %q : tensor<?x16xf32> -> tensor<?x2x8xf32>
  %kh = graph.reshape %k : tensor<?x8xf32> -> tensor<?x1x8xf32>
  %qr = graph.rope %qh at %positions with #rope : (tensor<?x2x8xf32>, tensor<?xi32>) -> tensor<?x2x8xf32>
  %kr = graph.rope %kh at %positions with #rope : (tensor<?x1x8xf32>, tensor<?xi32>) -> tensor<?x1x8xf32>
  // CHECK: graph.kv_append @kv layer 0 k %{{.*}} v %{{.*}} slots %{{.*}} : tensor<?x1x8xbf16>, tensor<?x1x8xbf16>, tensor<?xi32>
  graph.kv_append @kv layer 0 k %kr v %kh slots %slots : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>
  %a = graph.attention @kv layer 0 scale 3.5e-01 q %qr batch(%starts, %lens, %tables) : (tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x2x8xf32>
  %ah = graph.reshape %a : tensor<?x2x8xf32> -> tensor<?x16xf32>
  %h = graph.add %x, %ah : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %r = graph.gather_rows %h at %rows : (tensor<?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>
  // CHECK: graph.linear %{{.*}}, %{{.*}} {name = "lm_head"} : (tensor<?x16xbf16>, tensor<32x16xbf16>) -> tensor<?x32xf32>
  %head = graph.get @embed : tensor<32x16xbf16>
  %headf = graph.cast %head : tensor<32x16xbf16> -> tensor<32x16xf32>
  %logits = graph.linear %r, %headf {name = "lm_head"} : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32>
  %next = graph.argmax %logits : tensor<?x32xf32> -> tensor<?xi32>
  return %logits, %next : tensor<?x32xf32>, tensor<?xi32>
}
}
