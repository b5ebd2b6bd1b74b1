//===- Checked.h - Arithmetic on sizes that come from files -----*- C++ -*-===//
//
// No `*` or `+` on integers read from a file: these say when the result does not fit.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_CHECKED_H
#define QCC_SUPPORT_CHECKED_H

#include <cstdint>
#include <optional>

namespace qcc {

inline std::optional<uint64_t> checkedMul(uint64_t a, uint64_t b) {
  uint64_t result;
  if (__builtin_mul_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

} // namespace qcc

#endif // QCC_SUPPORT_CHECKED_H
