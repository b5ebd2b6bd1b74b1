// A product's packed tensors become constants and arguments, in the order of the kernel's contract.
// RUN: qcc-opt %s -qcc-choose-variants=targets=90 -qcc-lower-to-engine="max-tokens=4 max-sequences=4 max-logit-rows=4" | FileCheck %s

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 64 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @t : tensor<64x64xbf16> from "f" tensor "t"
graph.derived @table : tensor<64x64xbf16> {
  %0 = graph.get @t : tensor<64x64xbf16>
  graph.yield %0 : tensor<64x64xbf16>
}
graph.derived @zeros : tensor<2048xi8>, tensor<128xi8>, tensor<128xi8> {
  %0 = graph.get @t : tensor<64x64xbf16>
  %c, %s, %z = graph.quantize %0 to <i4, group = 64, scale = bf16, zero_point = i4> : (tensor<64x64xbf16>) -> (tensor<64x64xi4>, tensor<64x1xbf16>, tensor<64x1xi4>)
  %1 = graph.pack %c as <fragment, s4> : tensor<64x64xi4> -> tensor<2048xi8>
  %2 = graph.pack %s as <scales_group> : tensor<64x1xbf16> -> tensor<128xi8>
  %3 = graph.pack %z as <zeros_group> : tensor<64x1xi4> -> tensor<128xi8>
  graph.yield %1, %2, %3 : tensor<2048xi8>, tensor<128xi8>, tensor<128xi8>
}
graph.derived @sparse : tensor<4096xi8>, tensor<512xi8> {
  %0 = graph.get @t : tensor<64x64xbf16>
  %1 = graph.pack %0 as <fragment, bf16_24> : tensor<64x64xbf16> -> tensor<4096xi8>
  %2 = graph.pack %0 as <metadata24, bf16_24> : tensor<64x64xbf16> -> tensor<512xi8>
  graph.yield %1, %2 : tensor<4096xi8>, tensor<512xi8>
}
// CHECK: engine.launch @k_gemm_{{.*}} args [#engine.const<@zeros.const.0>, #engine.const<@zeros.const.1>, #engine.const<@zeros.const.2>, #engine.buffer<@[[X:.*]]>, #engine.buffer<@[[A:.*]]>, #engine.size<"T">]
// CHECK: engine.launch @k_gemm_{{.*}} args [#engine.const<@sparse.const.0>, #engine.const<@sparse.const.1>, #engine.buffer<@[[A]]>, #engine.output<"logits">, #engine.size<"T">]
func.func @forward(%tokens: tensor<?xi32>, %positions: tensor<?xi32>, %slots: tensor<?xi32>, %starts: tensor<?xi32>, %lens: tensor<?xi32>,
                   %tables: tensor<?x?xi32>, %rows: tensor<?xi32>) -> (tensor<?x64xf32>, tensor<?xi32>) {
  %t = graph.get @table : tensor<64x64xbf16>
  %x = kernel.gather %t at %tokens rows T : (tensor<64x64xbf16>, tensor<?xi32>) -> tensor<?x64xbf16>
  %w, %s, %z = graph.get @zeros : tensor<2048xi8>, tensor<128xi8>, tensor<128xi8>
  %a = kernel.gemm s4_zero group 64 rows T weights(%w, %s) zeros(%z) x(%x)
    : (tensor<2048xi8>, tensor<128xi8>, tensor<128xi8>, tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  ^bb0(%acc: f32):
    %0 = arith.truncf %acc : f32 to bf16
    kernel.yield %0 : bf16
  }
  %v, %m = graph.get @sparse : tensor<4096xi8>, tensor<512xi8>
  %y = kernel.gemm bf16_24 rows T weights(%v) metadata(%m) x(%a) : (tensor<4096xi8>, tensor<512xi8>, tensor<?x64xbf16>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  %next = kernel.argmax %y rows R : (tensor<?x64xf32>) -> tensor<?xi32>
  return %y, %next : tensor<?x64xf32>, tensor<?xi32>
}
}
