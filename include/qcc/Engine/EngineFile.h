//===- EngineFile.h - Writing an engine file ----------------------*- C++ -*-===//
//
// The plan as plain data, and a writer in two phases so that weights stream: declare all constants with their sizes,
// write their bytes from any threads in any order, then finish with the plan. The bytes of the file depend only on what
// was written, not on the order. docs/engine-format.md is the format's specification, runtime/schema/plan.fbs explains
// each field; the structs here mirror it. No MLIR.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_ENGINE_ENGINEFILE_H
#define QCC_ENGINE_ENGINEFILE_H

#include "qcc/Support/Error.h"
#include "qcc/Support/File.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace qcc::engine_file {

/// Run-time sizes of a step (docs/architecture.md); None stands for the number one.
enum class Size : uint8_t { None, T, B, R, Q, C, P };
enum class KvType : uint8_t { BF16, E4M3, I8 };

struct Model {
  std::string name, architecture;
  uint32_t vocabulary = 0;
  bool byteVocabulary = false;
  std::vector<int32_t> eosTokens;
  uint32_t layers = 0, kvHeads = 0, headDim = 0, pageSize = 64;
  KvType kvType = KvType::BF16;
  uint32_t maxContext = 0, maxTokens = 0, maxSequences = 0, maxLogitRows = 0;
};

/// Order and sizes fix the offsets; the writer computes them.
struct Constant {
  std::string name;
  uint64_t bytes = 0;
  std::string dtype; ///< "bf16", "f8E4M3FN", "i4", "f32", …
  std::vector<int64_t> shape;
  std::string layer, scheme, layout; ///< for inspection
};

struct Buffer {
  std::string name;
  uint64_t offset = 0, bytes = 0;
};

/// A compiled form of a kernel.
struct Image {
  enum class Kind : uint8_t { Cubin, Ptx } kind = Kind::Cubin;
  uint32_t target = 0;   ///< compute capability, e.g. 90
  bool specific = false; ///< sm_90a
  std::string bytes;     ///< PTX without a NUL; the writer adds it
  uint32_t registers = 0, spillBytes = 0, staticShared = 0;
};

struct Kernel {
  std::string symbol, family, config;
  std::array<uint32_t, 3> block{1, 1, 1};
  uint32_t sharedBytes = 0;
  uint32_t minTarget = 80;
  std::string source;
  std::vector<Image> images;
};

/// ceil(size * multiplier / divisor).
struct Dim {
  Size size = Size::None;
  uint64_t multiplier = 1, divisor = 1;
};

struct Arg {
  enum class Kind : uint8_t { Constant, Buffer, KCache, VCache, Input, Output, Size } kind = Kind::Constant;
  uint32_t index = 0;  ///< of the constant, buffer, layer, input or output
  uint64_t offset = 0; ///< bytes
  Size size = Size::None;
};

struct Launch {
  uint32_t kernel = 0;
  std::array<Dim, 3> grid;
  std::vector<Arg> args;
  std::string label;
};

struct Bound {
  Size size = Size::None;
  uint64_t limit = 0;
};

struct Case {
  std::vector<Bound> bounds;
  std::vector<Launch> launches;
};

/// The first case whose bounds hold is run; the last has none.
struct Step {
  std::vector<Case> cases;
};

struct Plan {
  std::string compiler, options;
  Model model;
  uint64_t arenaBytes = 0;
  std::vector<Buffer> buffers;
  std::vector<Kernel> kernels;
  std::vector<std::string> inputs{"tokens",       "positions",    "slots",     "seq_starts",
                                  "context_lens", "block_tables", "logit_rows"};
  std::vector<std::string> outputs{"logits", "next_tokens"};
  std::vector<Step> steps;
  std::string recipe; ///< how weights were quantized, YAML; empty: not known
};

/// Writes one engine file under a temporary name; nothing stands under `path` before finish() succeeds, and whatever
/// fails, the temporary file is removed.
class EngineWriter {
public:
  /// Lays out the weights and reserves their space on disk. Fails with IoError where the disk is full, the directory
  /// cannot be written, or `path` is one of `inputs`.
  static Expected<EngineWriter> create(const std::string &path, std::vector<Constant> constants,
                                       std::span<const FileIdentity> inputs = {});
  EngineWriter(EngineWriter &&) noexcept;
  ~EngineWriter();

  /// Writes a part of a constant. Thread safe; every byte must be written exactly once.
  Status writeConstant(size_t index, uint64_t offset, std::span<const std::byte> bytes);

  /// Checks that every constant is complete, appends plan and kernels, computes the hashes, syncs and renames. Call
  /// once. Fails with Internal when something is missing or the plan names what does not exist.
  Status finish(const Plan &plan);

private:
  struct State;
  explicit EngineWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace qcc::engine_file

#endif // QCC_ENGINE_ENGINEFILE_H
