// A kernel that cannot run on the lowest target is refused, although it could on the other one.
// RUN: not qcc-opt %s -qcc-choose-variants=targets=90,80 2>&1 | FileCheck %s
// RUN: qcc-opt %s -qcc-choose-variants=targets=90 -o /dev/null

module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
func.func @fp8(%w: tensor<8192xi8>, %ws: tensor<256xi8>, %x: tensor<?x128xf8E4M3FN>, %xs: tensor<?xf32>) {
  // CHECK: [[#@LINE+1]]:8: error: gemm: e4m3 products need sm_89 or later, the target is sm_80; choose another target, or int8, w4a16 or bf16 weights
  %y = kernel.gemm e4m3 rows T weights(%w, %ws) x(%x, %xs) : (tensor<8192xi8>, tensor<256xi8>, tensor<?x128xf8E4M3FN>, tensor<?xf32>) -> tensor<?x64xbf16> {
  ^bb0(%acc: f32):
    %r = arith.truncf %acc : f32 to bf16
    kernel.yield %r : bf16
  }
  return
}
}
