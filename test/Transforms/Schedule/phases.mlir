// A small model through all phases: printing and reading the IR between phases changes nothing, for every preset.
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=none kv-cache=fp8" -o %t.quantize.mlir
// RUN: qcc-opt %t.quantize.mlir -qcc-fuse-linears -cse -qcc-schedule-kernels=max-context=128 -qcc-choose-variants=targets=90 -qcc-verify-schedule -o %t.schedule.mlir
// RUN: qcc-opt %t.schedule.mlir -qcc-lower-to-engine -qcc-verify-engine -o %t.engine.mlir
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=none kv-cache=fp8" -qcc-fuse-linears -cse -qcc-schedule-kernels=max-context=128 -qcc-choose-variants=targets=90 -qcc-lower-to-engine -o %t.whole.mlir
// RUN: cmp %t.engine.mlir %t.whole.mlir
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=fp8" -o %t.quantize.mlir
// RUN: qcc-opt %t.quantize.mlir -qcc-fuse-linears -cse -qcc-schedule-kernels=max-context=128 -qcc-choose-variants=targets=90 -qcc-verify-schedule -o %t.schedule.mlir
// RUN: qcc-opt %t.schedule.mlir -qcc-lower-to-engine -qcc-verify-engine -o %t.engine.mlir
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=fp8" -qcc-fuse-linears -cse -qcc-schedule-kernels=max-context=128 -qcc-choose-variants=targets=90 -qcc-lower-to-engine -o %t.whole.mlir
// RUN: cmp %t.engine.mlir %t.whole.mlir
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=w4a16 group-size=32" -o %t.quantize.mlir
// RUN: qcc-opt %t.quantize.mlir -qcc-fuse-linears -cse -qcc-schedule-kernels=max-context=128 -qcc-choose-variants=targets=90 -qcc-verify-schedule -o %t.schedule.mlir
// RUN: qcc-opt %t.schedule.mlir -qcc-lower-to-engine -qcc-verify-engine -o %t.engine.mlir
// RUN: qcc-opt %s -qcc-quantize-pipeline="preset=w4a16 group-size=32" -qcc-fuse-linears -cse -qcc-schedule-kernels=max-context=128 -qcc-choose-variants=targets=90 -qcc-lower-to-engine -o %t.whole.mlir
// RUN: cmp %t.engine.mlir %t.whole.mlir
// RUN: FileCheck %s < %t.schedule.mlir --check-prefix=SCHEDULE
// RUN: FileCheck %s < %t.engine.mlir --check-prefix=ENGINE

// q and k cannot be one product, since only k has a bias.
// SCHEDULE-LABEL: func.func @forward
// SCHEDULE: kernel.gather
// SCHEDULE: kernel.normalize
// SCHEDULE: kernel.gemm s4 group 32 rows T {{.*}} {label = "q_proj"
// SCHEDULE: kernel.gemm s4 group 32 rows T {{.*}} extras(%{{.*}}) {label = "k_proj"
// SCHEDULE: kernel.rope_append @kv layer 0
// SCHEDULE: kernel.attention @kv layer 0
// SCHEDULE: kernel.pointwise
// SCHEDULE: kernel.gather {{.*}} rows R
// SCHEDULE: kernel.gemm bf16 rows R {{.*}} {label = "lm_head"
// SCHEDULE: kernel.argmax

// ENGINE-NOT: func.func
// ENGINE: engine.constant @q_proj.packed.const.0 from @q_proj.packed result 0
// ENGINE: engine.entry @forward inputs ["tokens", "positions", "slots", "seq_starts", "context_lens", "block_tables", "logit_rows"] outputs ["logits", "next_tokens"]
// ENGINE: engine.launch @k_rope_append_{{.*}}#engine.cache<"k", 0>
// ENGINE: engine.choice
// ENGINE: engine.case {Q = 1

#rope = #graph.rope<default, dim = 16, theta = 1.0e+04>
module attributes {graph.model = {name = "tiny", architecture = "llama", vocabulary = 32 : i64, max_context = 128 : i64, byte_vocabulary = false, eos_tokens = array<i64: 0>}} {
graph.parameter @embed : tensor<32x32xbf16> from "model.safetensors" tensor "embed"
graph.parameter @norm : tensor<32xf32> from "model.safetensors" tensor "norm"
graph.parameter @q : tensor<32x32xf32> from "model.safetensors" tensor "q"
graph.parameter @k : tensor<16x32xf32> from "model.safetensors" tensor "k"
graph.parameter @bias : tensor<16xf32> from "model.safetensors" tensor "bias"
graph.kv_cache @kv layers 1 kv_heads 1 head_dim 16 page_size 64 : f32
func.func @forward(%tokens: tensor<?xi32> {graph.dims = ["T"]}, %positions: tensor<?xi32> {graph.dims = ["T"]}, %slots: tensor<?xi32> {graph.dims = ["T"]},
                   %starts: tensor<?xi32> {graph.dims = ["B1"]}, %lens: tensor<?xi32> {graph.dims = ["B"]}, %tables: tensor<?x?xi32> {graph.dims = ["B", "P"]},
                   %rows: tensor<?xi32> {graph.dims = ["R"]}) -> (tensor<?x32xf32> {graph.dims = ["R"]}, tensor<?xi32> {graph.dims = ["R"]}) {
  %stored = graph.get @embed : tensor<32x32xbf16>
  %table = graph.cast %stored : tensor<32x32xbf16> -> tensor<32x32xf32>
  %x = graph.embedding %tokens, %table : (tensor<?xi32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %norm = graph.get @norm : tensor<32xf32>
  %n = graph.rms_norm %x, %norm eps 1.0e-05 : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  %wq = graph.get @q : tensor<32x32xf32>
  %wk = graph.get @k : tensor<16x32xf32>
  %bias = graph.get @bias : tensor<16xf32>
  %q = graph.linear %n, %wq {name = "q_proj"} : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %k = graph.linear %n, %wk bias %bias {name = "k_proj"} : (tensor<?x32xf32>, tensor<16x32xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  %qh = graph.reshape %q : tensor<?x32xf32> -> tensor<?x2x16xf32>
  %kh = graph.reshape %k : tensor<?x16xf32> -> tensor<?x1x16xf32>
  %qr = graph.rope %qh at %positions with #rope : (tensor<?x2x16xf32>, tensor<?xi32>) -> tensor<?x2x16xf32>
  %kr = graph.rope %kh at %positions with #rope : (tensor<?x1x16xf32>, tensor<?xi32>) -> tensor<?x1x16xf32>
  graph.kv_append @kv layer 0 k %kr v %kh slots %slots : tensor<?x1x16xf32>, tensor<?x1x16xf32>, tensor<?xi32>
  %a = graph.attention @kv layer 0 scale 3.5e-01 q %qr batch(%starts, %lens, %tables) : (tensor<?x2x16xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x2x16xf32>
  %ah = graph.reshape %a : tensor<?x2x16xf32> -> tensor<?x32xf32>
  %h = graph.add %x, %ah : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %r = graph.gather_rows %h at %rows : (tensor<?x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
  %head = graph.get @embed : tensor<32x32xbf16>
  %headf = graph.cast %head : tensor<32x32xbf16> -> tensor<32x32xf32>
  %logits = graph.linear %r, %headf {name = "lm_head"} : (tensor<?x32xf32>, tensor<32x32xf32>) -> tensor<?x32xf32>
  %next = graph.argmax %logits : tensor<?x32xf32> -> tensor<?xi32>
  return %logits, %next : tensor<?x32xf32>, tensor<?xi32>
}
}
