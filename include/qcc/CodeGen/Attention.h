//===- Attention.h - Planning of split decode attention -----------*- C++ -*-===//
//
// Decode attention is two kernels: DecodePartial writes one record per (sequence, query head, split) of the context
// into a workspace, DecodeCombine joins them. A sequence uses as many splits as its own context asks for, up to
// maxSplits, so its result does not depend on the batch around it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_ATTENTION_H
#define QCC_CODEGEN_ATTENTION_H

#include "qcc/CodeGen/KernelDesc.h"

namespace qcc::codegen {

/// Splits worth having for one sequence of up to maxContext tokens on the target: enough blocks to fill the GPU.
int64_t chooseMaxSplits(const AttentionDesc &desc, int64_t maxContext, int target);

/// Bytes of workspace per sequence: f32 [heads, maxSplits, headDim + 4] (o, m, l, two unused).
int64_t decodeWorkspaceBytes(const AttentionDesc &desc);

} // namespace qcc::codegen

#endif // QCC_CODEGEN_ATTENTION_H
