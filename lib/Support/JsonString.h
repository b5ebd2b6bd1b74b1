//===- JsonString.h - String literals of JSON -------------------*- C++ -*-===//
#ifndef QCC_LIB_SUPPORT_JSONSTRING_H
#define QCC_LIB_SUPPORT_JSONSTRING_H

#include <cstddef>
#include <string>
#include <string_view>

namespace qcc::json {

/// `message` is null on success.
struct StringError {
  const char *message = nullptr;
  size_t offset = 0;
};

/// Reads the literal that opens at text[at] (a double quote), appends its unescaped UTF-8 to `out` and moves `at` past
/// it.
StringError readString(std::string_view text, size_t &at, std::string &out);

/// Length of the well-formed UTF-8 sequence at text[at], 0 if there is none (Unicode 15, table 3-7: no surrogates, no
/// overlong forms).
size_t utf8SequenceLength(std::string_view text, size_t at);

} // namespace qcc::json

#endif // QCC_LIB_SUPPORT_JSONSTRING_H
