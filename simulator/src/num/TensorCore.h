//===- TensorCore.h - mma.sync and matrix fragment layouts ----------------===//
//
// `mma.sync.aligned.mMnNkK.row.col` on whole-warp registers. Fragment layouts: PTX ISA 9.0,
// section 9.7.14.5 "Matrix multiply-accumulate operation using mma instruction". A register is 32
// consecutive words, one per lane; a fragment is an array of pointers to its registers in PTX
// operand order, so that the interpreter passes pointers into its register file and copies nothing.
//
// Numerics: the hardware's arithmetic is undocumented; the model is that of MMA-Sim (Xie et al.,
// arXiv 2511.10909), which was compared bitwise with hardware. One step sums L products and the
// accumulator: every term is aligned to the largest exponent among them, truncated toward zero to F
// fractional bits, summed exactly, and the sum rounded toward zero to f32 or to nearest even for
// f16. An instruction with K > L does K/L steps in ascending order of k, the result of one being
// the accumulator of the next. L and F depend on architecture and type: see MmaModel.
//
// Sparse A (`mma.sp`, PTX ISA 9.0, section 9.7.14.6): of each aligned four columns of a row two are stored, and
// metadata names them. The K/2 stored values meet the rows of B that the metadata names; the other rows of B are not
// read, so a NaN there does not matter. The arithmetic is modelled as that of the dense instruction over the stored
// products, L of them at a time; MMA-Sim does not cover mma.sp, and this was not compared with hardware.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_NUM_TENSORCORE_H
#define QCCSIM_NUM_TENSORCORE_H

#include <cstdint>

namespace qccsim {

enum class MmaType : uint8_t { F16, BF16, TF32, E4M3, E5M2, S8, U8 };
enum class MmaAccumulator : uint8_t { F32, F16, S32 };

/// Which arithmetic: that of the tensor cores of sm_80, sm_89 or sm_90, or plain f32 (fused
/// multiply-add in ascending k, every step rounded to nearest), which is faster and hides the
/// hardware's loss of precision. Integer types are exact in every model.
enum class MmaModel : uint8_t { Sm80, Sm89, Sm90, Fast };

struct MmaDesc {
  int m = 16, n = 8, k = 16;
  MmaType a = MmaType::F16, b = MmaType::F16;
  MmaAccumulator c = MmaAccumulator::F32; ///< Type of both C and D.
  bool satFinite = false;                 ///< `.satfinite`: integer accumulators clamp to s32.
  bool sparse = false;                    ///< A holds k/2 columns; k counts B's rows.
  int selector = 0;                       ///< Sparse: which lanes of a quad hold the metadata.
};

/// Registers per lane of each fragment; d equals c.
struct MmaRegisters {
  int a = 0, b = 0, c = 0;
};

/// Null if the combination exists in PTX and is modelled (m16n8k8 and m16n8k16 for f16 and bf16,
/// m16n8k4 and m16n8k8 for tf32, m16n8k16 and m16n8k32 for s8/u8 and for e4m3/e5m2; sparse:
/// m16n8k16 and m16n8k32 for f16 and bf16, m16n8k32 and m16n8k64 for s8/u8, m16n8k64 for e4m3/e5m2).
/// Otherwise says what is wrong with it.
const char *mmaUnsupported(const MmaDesc &desc);

/// Fragment sizes; `desc` must be supported.
MmaRegisters mmaRegisters(const MmaDesc &desc);

/// D = A * B + C for a full warp. `desc` must be supported; a, b, c, d point to
/// mmaRegisters(desc) registers of 32 words. Registers of d may be those of a, b or c. `metadata`: the 32 words of the
/// metadata register of a sparse product, which must be valid.
void mmaSync(const MmaDesc &desc, MmaModel model, const uint32_t *const *a, const uint32_t *const *b,
             const uint32_t *const *c, uint32_t *const *d, const uint32_t *metadata = nullptr);

/// Null if every four columns of the selected metadata name two different columns, in rising order (descending ones
/// are defined for `mma.sp` without `::ordered_metadata` only, which `ordered` tells). Otherwise says what is wrong.
const char *mmaMetadataInvalid(const MmaDesc &desc, const uint32_t *metadata, bool ordered);

/// One 8x8 matrix of 16-bit elements between rows in shared memory and a register (PTX ISA
/// 9.7.14.5.15 "ldmatrix"): lane l holds elements [l/4][2*(l%4)] (lower half) and
/// [l/4][2*(l%4)+1] (upper half); with `transposed`, elements [2*(l%4)][l/4] and
/// [2*(l%4)+1][l/4]. `rows[r]` are the 8 elements of row r.
void ldmatrixDistribute(const uint16_t (*rows)[8], bool transposed, uint32_t *reg);

/// The inverse, for stmatrix.
void stmatrixCollect(const uint32_t *reg, bool transposed, uint16_t (*rows)[8]);

} // namespace qccsim

#endif // QCCSIM_NUM_TENSORCORE_H
