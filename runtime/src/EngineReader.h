//===- EngineReader.h - A verified engine file --------------------*- C++ -*-===//
#ifndef QCCRT_SRC_ENGINEREADER_H
#define QCCRT_SRC_ENGINEREADER_H

#include "plan_generated.h"
#include "qccrt/engine_format.h"
#include "qccrt/sha256.h"

#include <span>
#include <string>
#include <vector>

namespace qccrt {

/// Opening checks all but the weights, which stay in the file; their chunks are read and checked one by one. Nothing is
/// mapped: a file that changes or shrinks later shows as a failed read or hash, not as a signal. Immutable; const
/// functions are thread safe.
class EngineReader {
public:
  /// Throws Failure: Io, Damaged or Unsupported.
  explicit EngineReader(const std::string &path);
  ~EngineReader();
  EngineReader(const EngineReader &) = delete;
  EngineReader &operator=(const EngineReader &) = delete;

  const std::string &path() const { return name; }
  const FileHeader &header() const { return head; }
  std::span<const SectionEntry> sections() const { return table; }
  const plan::Plan &plan() const { return *plan::GetPlan(planBytes.data()); }
  std::span<const unsigned char> image(const plan::Image &image) const {
    return std::span(kernelBytes).subspan(image.offset(), image.bytes());
  }

  uint64_t weightBytes() const { return weights.bytes; }
  uint64_t chunks() const { return digests.size(); }
  /// Bytes of a chunk: kChunkBytes, less for the last.
  uint64_t chunkBytes(uint64_t chunk) const;
  /// Reads one chunk of the weights section into `destination` and checks its hash and that padding between constants
  /// is zero.
  void readChunk(uint64_t chunk, unsigned char *destination) const;
  /// All chunks.
  void verifyWeights() const;

  /// "plan", "kernels", …
  static const char *nameOf(SectionKind kind);

private:
  void open();
  void readHeader(uint64_t fileBytes);
  void checkTable(const std::vector<unsigned char> &page);
  void checkPadding(uint64_t begin, uint64_t end) const;
  std::vector<unsigned char> readSection(SectionKind kind) const;
  const SectionEntry &section(SectionKind kind) const;
  void read(uint64_t offset, unsigned char *destination, uint64_t bytes) const;
  [[noreturn]] void damaged(const std::string &what) const;

  std::string name;
  int fd = -1;
  FileHeader head{};
  std::vector<SectionEntry> table;
  SectionEntry weights{};
  std::vector<unsigned char> planBytes, kernelBytes;
  std::vector<Digest> digests;
};

} // namespace qccrt

#endif // QCCRT_SRC_ENGINEREADER_H
