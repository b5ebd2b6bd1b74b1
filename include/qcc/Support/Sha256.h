//===- Sha256.h - SHA-256 (FIPS 180-4) ----------------------------*- C++ -*-===//
#ifndef QCC_SUPPORT_SHA256_H
#define QCC_SUPPORT_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace qcc {

using Digest = std::array<uint8_t, 32>;

/// Hash of a byte stream that is given in pieces of any size.
class Sha256 {
public:
  void update(std::span<const std::byte> bytes);
  void update(std::string_view chars) { update(std::as_bytes(std::span(chars.data(), chars.size()))); }
  /// Ends the stream; the object must not be used after it.
  Digest finish();

private:
  void block(const uint8_t *bytes);

  std::array<uint32_t, 8> state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending{};
  uint64_t length = 0; ///< bytes so far
};

Digest sha256(std::span<const std::byte> bytes);
inline Digest sha256(std::string_view chars) { return sha256(std::as_bytes(std::span(chars.data(), chars.size()))); }

/// 64 lower-case hexadecimal digits.
std::string hexadecimal(const Digest &digest);

} // namespace qcc

#endif // QCC_SUPPORT_SHA256_H
