//===- sha256.h - SHA-256 (FIPS 180-4) -----------------------------*- C++ -*-===//
#ifndef QCCRT_SHA256_H
#define QCCRT_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace qccrt {

using Digest = std::array<unsigned char, 32>;

/// Incremental SHA-256; uses the processor's SHA instructions where it has them. Not thread safe.
class Sha256 {
public:
  enum class Use { Fastest, Portable };
  explicit Sha256(Use use = Use::Fastest);
  Sha256 &update(const void *data, size_t bytes);
  /// The digest of everything so far; the object must not be used afterwards.
  Digest finish();

private:
  void (*compress)(uint32_t *state, const unsigned char *data, size_t blocks);
  std::array<uint32_t, 8> state;
  unsigned char pending[64]; ///< an incomplete block
  size_t pendingBytes = 0;
  uint64_t totalBytes = 0;
};

inline Digest sha256(const void *data, size_t bytes) { return Sha256().update(data, bytes).finish(); }

/// Lower-case hexadecimal.
std::string toHex(const Digest &digest);

} // namespace qccrt

#endif // QCCRT_SHA256_H
