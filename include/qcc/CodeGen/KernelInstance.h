//===- KernelInstance.h - A description bound to a configuration --*- C++ -*-===//
//
// Desc -> variants (heuristics + tuning table) -> instance (stub, launch shape, arguments) -> cubin/PTX (Nvrtc.h).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_KERNELINSTANCE_H
#define QCC_CODEGEN_KERNELINSTANCE_H

#include "qcc/CodeGen/KernelDesc.h"

#include <array>
#include <map>

namespace qcc::codegen {

/// Run-time sizes of a step (docs/architecture.md): tokens, sequences, logit rows, longest new-token run, longest
/// context, columns of the block table (pages per sequence).
enum class Size { T, B, R, Q, C, P };

/// How a kernel solves its problem: named integers (BLOCK_N, BLOCK_K, WARPS_M, …), printed in IR and settable by hand.
struct KernelConfig {
  std::map<std::string, int64_t> values;
};

/// A configuration and when it applies: the first variant whose bounds all hold is launched.
struct KernelVariant {
  std::vector<std::pair<Size, int64_t>> bounds; ///< size <= bound
  KernelConfig config;
};

/// Pure: the same description and target always give the same variants. `rows` names the size that counts the problem's
/// rows (T or R). A tuning table (text, see docs/kernels/tuning.md) overrides the model where it has an entry.
std::vector<KernelVariant> chooseVariants(const KernelDesc &desc, int target, Size rows);

/// Grid extent along one dimension: ceil(size * multiplier / divisor), or a constant when no size is named
/// (ceil(multiplier / divisor)).
struct GridDim {
  std::optional<Size> size;
  int64_t multiplier = 1, divisor = 1;
};

enum class ArgKind { Pointer, SizeValue /* i32 run-time size */ };
struct KernelArg {
  std::string name; ///< "weights", "weight_scale", "x", "x_scale", "operand0", "y", "rows", …
  ArgKind kind = ArgKind::Pointer;
  Size size = Size::T;  ///< for SizeValue
  bool written = false; ///< the kernel writes through it
};

struct KernelInstance {
  std::string symbol; ///< k_<family>_<hash>; never contains text of a file
  std::string source; ///< the instantiation stub: includes of embedded headers and named constants
  std::array<GridDim, 3> grid;
  std::array<uint32_t, 3> block{1, 1, 1};
  uint32_t dynamicSharedBytes = 0;
  int minTarget = 80;          ///< lowest compute capability that can run it
  std::vector<KernelArg> args; ///< in launch order
};

/// Binds description and configuration; `rows` as above. Throws nothing; returns a message in `error` for an illegal
/// configuration.
KernelInstance instantiate(const KernelDesc &desc, const KernelConfig &config, Size rows, std::string &error);

} // namespace qcc::codegen

#endif // QCC_CODEGEN_KERNELINSTANCE_H
