//===- Text.h - Building messages ---------------------------------*- C++ -*-===//
#ifndef QCCRT_SRC_TEXT_H
#define QCCRT_SRC_TEXT_H

#include <sstream>
#include <string>
#include <string_view>

namespace qccrt {

/// All arguments streamed one after the other.
template <typename... Args> std::string text(const Args &...args) {
  std::ostringstream stream;
  (stream << ... << args);
  return std::move(stream).str();
}

/// 'name' for a message: bytes of a file that are not printable ASCII become '?', and it is cut at 96 characters, so
/// that it cannot forge lines.
inline std::string quoted(std::string_view name) {
  std::string result = "'";
  for (char c : name.substr(0, 96))
    result += c >= 0x20 && c < 0x7f ? c : '?';
  return result + (name.size() > 96 ? "…'" : "'");
}

/// 1.5 GiB, 20.0 MiB, 512 bytes.
std::string byteText(unsigned long long bytes);

} // namespace qccrt

#endif // QCCRT_SRC_TEXT_H
