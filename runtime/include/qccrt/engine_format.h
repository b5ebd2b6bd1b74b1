//===- engine_format.h - Layout of an engine file -----------------*- C++ -*-===//
//
// The bytes that surround the plan; docs/engine-format.md is the specification. All integers are little-endian.
//
//   0      FileHeader                128 bytes
//   128    SectionEntry[sections]    64 bytes each, sorted by offset
//          zeros
//   3968   signature slot            128 bytes, outside of the root hash; all zero: not signed
//   4096   sections, each at a multiple of 4096, gaps zero, in the order of the table
//
//===----------------------------------------------------------------------===//
#ifndef QCCRT_ENGINE_FORMAT_H
#define QCCRT_ENGINE_FORMAT_H

#include <cstdint>

namespace qccrt {

inline constexpr unsigned char kMagic[8] = {0x89, 'Q', 'C', 'C', '\r', '\n', 0x1a, '\n'};
inline constexpr uint32_t kVersionMajor = 1; ///< a reader refuses any other
inline constexpr uint32_t kVersionMinor = 2; ///< a reader accepts newer ones: they only add plan fields and enumerators

inline constexpr uint64_t kHeaderBytes = 4096; ///< header, table and signature slot
inline constexpr uint64_t kSignatureOffset = 3968;
inline constexpr uint64_t kSectionAlign = 4096;
inline constexpr uint64_t kConstantAlign = 256;
inline constexpr uint64_t kImageAlign = 64; ///< cubins are ELF images, read in place
/// The weights section is hashed in chunks, so that a chunk can be checked while it passes to the device.
inline constexpr uint64_t kChunkBytes = uint64_t(4) << 20;

struct FileHeader {
  unsigned char magic[8];
  uint32_t versionMajor, versionMinor;
  uint64_t fileBytes;         ///< length of the whole file: a truncated copy is known at once
  uint32_t sections;          ///< entries in the table
  uint32_t reserved0;         ///< zero
  unsigned char rootHash[32]; ///< SHA-256 of header and table with this field zero
  unsigned char reserved[64]; ///< zero
};
static_assert(sizeof(FileHeader) == 128);

enum class SectionKind : uint32_t {
  Plan = 1,    ///< FlatBuffer, runtime/schema/plan.fbs
  Kernels = 2, ///< cubins and PTX, named by the plan
  Weights = 3, ///< constants, named by the plan
  Digests = 4, ///< SHA-256 of each chunk of the weights section, 32 bytes each
};
inline constexpr uint32_t kSectionCount = 4; ///< one of each kind

struct SectionEntry {
  uint32_t kind;              ///< SectionKind
  uint32_t reserved;          ///< zero
  uint64_t offset;            ///< from the start of the file, a multiple of kSectionAlign
  uint64_t bytes;             ///< without padding
  unsigned char hash[32];     ///< SHA-256 of the bytes; of a weights section, SHA-256 of its digests section's bytes
  unsigned char reserved1[8]; ///< zero
};
static_assert(sizeof(SectionEntry) == 64);

constexpr uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

} // namespace qccrt

#endif // QCCRT_ENGINE_FORMAT_H
