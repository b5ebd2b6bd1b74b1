//===- Spec.h - A problem as one line of text ---------------------*- C++ -*-===//
//
//   gemm format=bf16|e4m3|s4 n=N k=K rows=M [group=G]               y[M, N] = x[M, K] W[N, K]^T, bf16 result; G for s4
//   prefill kv=bf16|e4m3 heads=H kv_heads=KH dim=D batch=B len=L    B prompts of L tokens, causal
//   decode kv=bf16|e4m3 heads=H kv_heads=KH dim=D batch=B len=L     one new token each after L - 1 cached ones
//   normalize rows=M columns=C quantize=0|1 residual=0|1            RMSNorm, eps 1e-5
//   swiglu rows=M columns=C quantize=0|1                            silu(gate) * up from rows of 2 C
//   rope_append kv=bf16|e4m3 heads=H kv_heads=KH dim=D rows=M       rotate q and k of M tokens, append k and v
//   argmax rows=M columns=C                                         greedy choice from f32 logits
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_TIMING_SPEC_H
#define QCC_BENCH_TIMING_SPEC_H

#include "qcc/CodeGen/KernelDesc.h"
#include "qcc/Support/Error.h"

#include <map>
#include <string>

namespace qcc::bench {

struct Spec {
  std::string family;
  std::map<std::string, std::string> words; ///< values that are names
  std::map<std::string, int64_t> numbers;   ///< values that are numbers, all at least 0

  /// Every key the family has and no other, each once.
  static Expected<Spec> parse(const std::string &text);
  int64_t at(const std::string &key) const { return numbers.at(key); }
};

} // namespace qcc::bench

#endif // QCC_BENCH_TIMING_SPEC_H
