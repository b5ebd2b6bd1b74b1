// Every engine op and attribute parses, verifies, and prints as it was read.
// RUN: qcc-opt %s --verify-roundtrip -o /dev/null

graph.parameter @w : tensor<64x64xbf16> from "model.safetensors" tensor "w"
graph.derived @w.packed : tensor<8192xi8> {
  %w = graph.get @w : tensor<64x64xbf16>
  %p = graph.pack %w as <fragment, bf16> : tensor<64x64xbf16> -> tensor<8192xi8>
  graph.yield %p : tensor<8192xi8>
}

engine.model "tiny" architecture "llama" {vocabulary = 64 : i64, byte_vocabulary = false, max_context = 128 : i64, max_tokens = 32 : i64, max_sequences = 4 : i64,
                                          max_logit_rows = 8 : i64, arena_bytes = 1024 : i64, eos_tokens = array<i64: 2>, options = "--quant none"}
engine.constant @c0 from @w.packed result 0 : tensor<8192xi8> bytes 8192 {layer = "w", scheme = "bf16", layout = "fragment"}
engine.constant @c1 value dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32> bytes 8 {layer = "kv", scheme = "f32", layout = "plain"}
engine.buffer @b0 offset 256 bytes 768
engine.kernel @k_gemm family "gemm" block [128, 1, 1] shared 4096 min_target 80 config {BLOCK_N = 8} source "#include \22gemm.cuh\22\0A"
engine.entry @forward inputs ["tokens", "positions"] outputs ["logits"] {
  engine.launch @k_gemm grid [#engine.dim<"T", 1, 8>, #engine.dim<"", 4, 1>, #engine.dim<"", 1, 1>]
    args [#engine.const<@c0>, #engine.buffer<@b0>, #engine.input<"tokens">, #engine.output<"logits">, #engine.cache<"k", 0>, #engine.size<"T">] {label = "lm_head"}
  engine.choice {
    engine.case {Q = 1} {
      engine.launch @k_gemm grid [#engine.dim<"B", 2, 1>, #engine.dim<"", 1, 1>, #engine.dim<"", 1, 1>] args [#engine.buffer<@b0>]
    }
    engine.case {} {
    }
  }
}
