//===- Text.h - Pieces of messages ------------------------------*- C++ -*-===//
#ifndef QCC_SUPPORT_TEXT_H
#define QCC_SUPPORT_TEXT_H

#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

namespace qcc {

/// All arguments streamed one after the other.
template <typename... Args> std::string text(const Args &...args) {
  std::ostringstream stream;
  (stream << ... << args);
  return std::move(stream).str();
}

/// 'name' for a message: text from a file is quoted, control characters and bytes that are not printable ASCII are
/// escaped, and it is cut at 128 characters, so that it cannot forge lines of a log.
/// (Not "quoted": argument-dependent look-up would find std::quoted.)
std::string quote(std::string_view name);

/// 1,234,567: counts of bytes are read by people.
std::string grouped(uint64_t value);

/// [80, 64]
std::string shapeText(std::span<const int64_t> shape);

} // namespace qcc

#endif // QCC_SUPPORT_TEXT_H
