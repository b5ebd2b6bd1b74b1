//===- Sha256.h - SHA-256 in the compiler's terms -----------------*- C++ -*-===//
//
// The runtime verifies engines with the same function, and must stand alone: the algorithm is there, and this is its
// face here.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_SHA256_H
#define QCC_SUPPORT_SHA256_H

#include "qccrt/sha256.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace qcc {

using qccrt::Digest;

/// Hash of a byte stream that is given in pieces of any size.
class Sha256 {
public:
  void update(std::span<const std::byte> bytes) { hash.update(bytes.data(), bytes.size()); }
  void update(std::string_view chars) { hash.update(chars.data(), chars.size()); }
  /// Ends the stream; the object must not be used after it.
  Digest finish() { return hash.finish(); }

private:
  qccrt::Sha256 hash;
};

inline Digest sha256(std::span<const std::byte> bytes) { return qccrt::sha256(bytes.data(), bytes.size()); }
inline Digest sha256(std::string_view chars) { return qccrt::sha256(chars.data(), chars.size()); }

/// 64 lower-case hexadecimal digits.
inline std::string hexadecimal(const Digest &digest) { return qccrt::toHex(digest); }

} // namespace qcc

#endif // QCC_SUPPORT_SHA256_H
