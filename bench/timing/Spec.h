//===- Spec.h - A problem as one line of text ---------------------*- C++ -*-===//
//
//   gemm format=F n=N k=K rows=M [group=G]                     y[M, N] = x[M, K] W[N, K]^T, bf16 result
//   lm_head format=F n=N k=K rows=M [group=G]                  the same with an f32 result
//   prefill kv=T heads=H kv_heads=KH dim=D batch=B len=L       B prompts of L tokens, causal
//   decode kv=T heads=H kv_heads=KH dim=D batch=B len=L        one new token each after L - 1 cached ones
//   normalize rows=M columns=C quantize=Q residual=0|1         RMSNorm, eps 1e-5
//   swiglu rows=M columns=C quantize=Q                         silu(gate) * up from rows of 2 C
//   rope_append kv=T heads=H kv_heads=KH dim=D rows=M          rotate q and k of M tokens, append k and v
//   argmax rows=M columns=C                                    greedy choice from f32 logits
//
// F: the name of a weight format (WeightFormatInfo), G columns per scale where it may have groups, 0 for one per row.
// T: bf16, e4m3 or s8. Q: the name of an ActQuant.
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
  codegen::WeightFormat weightFormat() const; ///< of format=
  codegen::ElemType cacheType() const;        ///< of kv=
  codegen::ActQuant quantize() const;         ///< of quantize=
};

} // namespace qcc::bench

#endif // QCC_BENCH_TIMING_SPEC_H
