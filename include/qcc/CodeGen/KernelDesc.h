//===- KernelDesc.h - What a kernel must compute ------------------*- C++ -*-===//
//
// A KernelDesc states the problem with all its compile-time constants; a KernelConfig (KernelInstance.h) states how one
// kernel solves it. Both are plain data without MLIR, so that kernels can be built, tested and timed on a machine that
// has only the CUDA toolkit. Only sizes of the ragged batch stay run-time values (see docs/architecture.md).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_KERNELDESC_H
#define QCC_CODEGEN_KERNELDESC_H

#include "qcc/CodeGen/ScalarProgram.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace qcc::codegen {

/// Element types that kernels read and write.
enum class ElemType { F32, BF16, E4M3, I32, S8 };
unsigned sizeOf(ElemType type);
const char *nameOf(ElemType type);

/// Elements between the starts of two rows of an activation: rows start 16-byte aligned.
int64_t rowPitch(int64_t columns, ElemType type);

/// Tokens in one K/V page.
inline constexpr int kPageSize = 64;
/// Bytes of one head of a page, K or V alone: rows of headDim elements, then for S8 an f32 scale per row.
int64_t pageHeadBytes(int64_t headDim, ElemType kv);

/// Columns of a wider row: element [t, c] lies at t * pitch + offset + c.
struct RowSlice {
  int64_t pitch = 0, offset = 0; ///< elements
};

/// How a kernel that makes the input of a product stores it. Codes and scales are those of lib/Quant (ActivationCodes)
/// for the bf16-rounded result, bit for bit. Dynamic kinds write scales: f32 [rows], of E4M3Group128 f32
/// [rows, ceil(columns / 128)] with the pitch of an f32 activation. Static kinds read one f32.
enum class ActQuant { None, E4M3Token, E4M3Group128, E4M3Static, S8Token, S8Static };
inline bool isStatic(ActQuant quant) { return quant == ActQuant::E4M3Static || quant == ActQuant::S8Static; }
/// One scale for a whole row, which must therefore be known before its first code.
inline bool isPerRow(ActQuant quant) { return quant == ActQuant::E4M3Token || quant == ActQuant::S8Token; }
/// Type of the result: bf16, e4m3 or s8.
ElemType codeType(ActQuant quant);
/// "e4m3_token", …; "none".
const char *nameOf(ActQuant quant);

/// How W is stored, and X where it is not bf16:
///   BF16, BF16Sparse       X bf16, no scales
///   E4M3, E4M3Sparse       X e4m3: W has an f32 scale per row, X one per row or a single one
///   S8A8, S8Sparse         X s8, scales as E4M3; sums of products are exact s32
///   E4M3Block              X e4m3: f32 scales of 128 x 128 weights, and of 128 columns of a row of X
///   S8, S4, S4Zero         X bf16: bf16 scales of `group` columns of a row of W, or of the whole row; S4Zero has zero
///                          points too: w = (code - zero) * scale
///   S4E4M3                 W as S4, X e4m3 with a scale per row or a single one
/// Sparse: 2:4, at most two non-zero values in each aligned four columns of a row. Scales of W may be negative.
enum class WeightFormat { BF16, E4M3, S4, E4M3Block, S8, S4Zero, S4E4M3, S8A8, BF16Sparse, E4M3Sparse, S8Sparse };
inline constexpr WeightFormat kWeightFormats[] = {
    WeightFormat::BF16,       WeightFormat::E4M3,       WeightFormat::S4,      WeightFormat::E4M3Block,
    WeightFormat::S8,         WeightFormat::S4Zero,     WeightFormat::S4E4M3,  WeightFormat::S8A8,
    WeightFormat::BF16Sparse, WeightFormat::E4M3Sparse, WeightFormat::S8Sparse};

/// What a format implies.
struct WeightFormatInfo {
  const char *name;           ///< "s4_zero"
  ElemType x;                 ///< BF16, E4M3 or S8
  int64_t weightBits;         ///< stored per weight, metadata apart
  bool hasWeightScale = true; ///< else neither W nor X has scales
  bool mayHaveGroups = false; ///< `group` may be given
  bool hasZeros = false;
  bool isBlockScaled = false; ///< E4M3Block
  bool isSparse = false;      ///< has metadata
  bool hasXScale() const { return x != ElemType::BF16; }
  bool mayHaveTensorScale() const { return hasXScale() && !isBlockScaled; }
};
const WeightFormatInfo &infoOf(WeightFormat format);

/// y[t, n] = epilogue(sum_k W[n, k] * X[t, k]), t < rows (run time); products and sums as WeightFormat says, scales
/// applied to the f32 accumulator. The epilogue is a scalar program: inputs are the f32 accumulator (after scales) and
/// then one value per operand; its single result has the output's type.
struct GemmDesc {
  int64_t n = 0; ///< out-features
  int64_t k = 0; ///< in-features
  WeightFormat weights = WeightFormat::BF16;
  /// Columns per scale, a multiple of the K of a tensor-core product (16; S4E4M3: 32); the last group may be short. 0:
  /// one scale per row, or a format without groups.
  int64_t group = 0;
  bool xTensorScale = false; ///< one scale for all rows of X
  ElemType output = ElemType::BF16;
  enum class Operand { PerColumn, PerElement }; ///< bias[n] | residual[t, n] (pitch of its own type)
  std::vector<std::pair<Operand, ElemType>> operands;
  ScalarProgram epilogue;
};

/// Attention of packed new tokens over the paged cache (docs/architecture.md). Q and output: bf16 [T, heads*headDim]
/// with pitches in elements; Q may be a column slice of a wider buffer (pointer offset and pitch are given by the
/// caller).
struct AttentionDesc {
  int64_t heads = 0, kvHeads = 0, headDim = 0; ///< headDim a multiple of 16, at most 256; heads % kvHeads == 0
  ElemType kv = ElemType::BF16;                ///< BF16, S8, or E4M3 (scales k_scale[kvHeads], v_scale[kvHeads])
  int64_t window = 0;                          ///< 0: none; else key j is seen by query p iff p - window < j <= p
  double scale = 0;                            ///< multiplies q·k
  int64_t qPitch = 0, outPitch = 0;            ///< elements
  enum class Stage { Prefill, DecodePartial, DecodeCombine } stage = Stage::Prefill;
  int64_t maxSplits = 1; ///< decode: partial results per (sequence, head)
};

/// y = rms_norm(x [+ residual]) * weight over the last dimension, rounded to bf16; optionally the sum x + residual
/// (bf16) is written back and optionally y is quantized (quantization sees the bf16-rounded y).
struct NormalizeDesc {
  int64_t columns = 0;
  int64_t groupsPerRow = 1; ///< > 1: per-head norm of rows seen as [rows * groupsPerRow, columns]
  double eps = 0;
  bool addResidual = false;
  ActQuant quantize = ActQuant::None;
};

/// Rotate q and k, write q (bf16) and append k, v to the cache. Optional per-head q/k RMSNorm before the rotation
/// (Qwen3). q, k, v are bf16 columns, each of a buffer of its own (args q_in, k_in, v_in): usually one fused qkv row,
/// three buffers when the projections have different schemes. The rounding points are those of the graph ops (norm →
/// bf16, rope → bf16, cache type).
struct RopeAppendDesc {
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  ElemType kv = ElemType::BF16;
  bool qkNorm = false;
  double eps = 0;
  RowSlice qIn, kIn, vIn; ///< heads*D, kvHeads*D, kvHeads*D columns
  int64_t qPitch = 0;     ///< of the rotated q
  int64_t tableRows = 0;  ///< positions in the cos/sin table, f32 [tableRows, D/2, 2]
};

/// y[t, c] = program(in0[t, c], in1[t, c], …); inputs are bf16 rows, each with a pitch and a column offset in its
/// buffer (SwiGLU reads both halves of one fused row); output bf16, or quantized from the program's bf16 result.
struct PointwiseDesc {
  int64_t columns = 0;
  std::vector<RowSlice> inputs;
  ScalarProgram program;
  ActQuant quantize = ActQuant::None;
};

/// y[r] = table[index[r]]: embedding and row gather; rows are `columns` elements with the given pitch, y is bf16. Codes
/// (E4M3, S8) are multiplied by their row's f32 scale and rounded once.
struct GatherDesc {
  int64_t columns = 0;
  int64_t tablePitch = 0;
  ElemType table = ElemType::BF16;
};

/// Greedy choice: index of the largest f32 in each row, the smallest index among equals; NaN counts as the largest, so
/// that it is seen.
struct ArgmaxDesc {
  int64_t columns = 0;
};

using KernelDesc =
    std::variant<GemmDesc, AttentionDesc, NormalizeDesc, RopeAppendDesc, PointwiseDesc, GatherDesc, ArgmaxDesc>;

/// Family name used in symbols and IR: "gemm", "attention", "normalize", …
const char *familyOf(const KernelDesc &desc);

/// Empty when the description can be compiled for the target (80, 89, 90); else a message naming field, value, limit
/// and remedy.
std::string checkDesc(const KernelDesc &desc, int target);

} // namespace qcc::codegen

#endif // QCC_CODEGEN_KERNELDESC_H
