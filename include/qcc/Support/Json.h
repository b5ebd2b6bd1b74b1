//===- Json.h - A strict JSON reader ----------------------------*- C++ -*-===//
//
// RFC 8259 without leniency: no comments, no NaN, no trailing commas, no byte-order mark; strings are valid UTF-8 and
// valid after unescaping (no lone surrogates); a name may occur once in an object, compared after unescaping. Every
// error names the byte and says what was expected. Depth, size and the number of values are bounded before anything is
// allocated for them.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_JSON_H
#define QCC_SUPPORT_JSON_H

#include "qcc/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qcc::json {

enum class Kind { Null, Bool, Integer, Real, String, Array, Object };
/// "an integer", "an object", …
const char *describe(Kind kind);

struct Member;

/// One value. Accessors assert the kind; ask `kind` or the is… functions first.
class Value {
public:
  Kind kind = Kind::Null;
  size_t offset = 0; ///< of the value's first byte in the text

  bool isNull() const { return kind == Kind::Null; }
  bool isInteger() const { return kind == Kind::Integer; }
  bool isNumber() const { return kind == Kind::Integer || kind == Kind::Real; }
  bool isString() const { return kind == Kind::String; }
  bool isArray() const { return kind == Kind::Array; }
  bool isObject() const { return kind == Kind::Object; }

  bool boolean() const;
  int64_t integer() const;
  /// Integers count as reals.
  double real() const;
  const std::string &string() const;
  const std::vector<Value> &array() const;
  const std::vector<Member> &members() const;
  /// Member of an object by name, or null. Linear.
  const Value *find(std::string_view name) const;

private:
  friend class Parser;
  bool boolValue = false;
  int64_t integerValue = 0;
  double realValue = 0;
  std::string stringValue;
  std::vector<Value> elements;
  std::vector<Member> fields;
};

struct Member {
  std::string name;
  size_t offset; ///< of the name's opening quote
  Value value;
};

struct Limits {
  size_t bytes = size_t(64) << 20;
  unsigned depth = 64;
  size_t values = size_t(4) << 20;
  /// Numbers must be 0…2^63-1 without sign, fraction or exponent (safetensors headers). Otherwise an integer beyond 64
  /// bits is a real.
  bool unsignedIntegersOnly = false;
  /// The text may be followed by spaces (0x20) only, else by any JSON white space.
  bool trailingSpacesOnly = false;
};

/// Parses one document. `name` is the file's name for messages.
Expected<Value> parse(std::string_view text, const std::string &name, const Limits &limits = {});

} // namespace qcc::json

#endif // QCC_SUPPORT_JSON_H
