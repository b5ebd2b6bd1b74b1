//===- Json.cpp - Recursive descent over RFC 8259 -------------------------===//

#include "qcc/Support/Json.h"
#include "JsonString.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace qcc::json {

const char *describe(Kind kind) {
  switch (kind) {
  case Kind::Null:
    return "null";
  case Kind::Bool:
    return "a boolean";
  case Kind::Integer:
    return "an integer";
  case Kind::Real:
    return "a number";
  case Kind::String:
    return "a string";
  case Kind::Array:
    return "an array";
  case Kind::Object:
    return "an object";
  }
  return "?";
}

bool Value::boolean() const {
  assert(kind == Kind::Bool);
  return boolValue;
}
int64_t Value::integer() const {
  assert(kind == Kind::Integer);
  return integerValue;
}
double Value::real() const {
  assert(isNumber());
  return kind == Kind::Integer ? double(integerValue) : realValue;
}
const std::string &Value::string() const {
  assert(kind == Kind::String);
  return stringValue;
}
const std::vector<Value> &Value::array() const {
  assert(kind == Kind::Array);
  return elements;
}
const std::vector<Member> &Value::members() const {
  assert(kind == Kind::Object);
  return fields;
}
const Value *Value::find(std::string_view name) const {
  for (const Member &member : members())
    if (member.name == name)
      return &member.value;
  return nullptr;
}

/// The first problem stops the parse: every function returns false once `failure` is set.
class Parser {
public:
  Parser(std::string_view text, const Limits &limits) : text(text), limits(limits) {}

  bool document(Value &value) {
    skipSpace();
    if (!parseValue(value, 0))
      return false;
    if (limits.trailingSpacesOnly)
      while (at < text.size() && text[at] == ' ')
        ++at;
    else
      skipSpace();
    return at == text.size() || fail("unexpected data after the end of the document");
  }

  std::string failure;
  size_t failedAt = 0;

private:
  bool fail(std::string message) { return failHere(at, std::move(message)); }
  bool failHere(size_t offset, std::string message) {
    failure = std::move(message);
    failedAt = offset;
    return false;
  }
  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
      ++at;
  }
  bool take(char c) {
    if (at >= text.size() || text[at] != c)
      return false;
    ++at;
    return true;
  }
  bool takeWord(std::string_view word) {
    if (text.substr(at, word.size()) != word)
      return false;
    at += word.size();
    return true;
  }

  bool parseValue(Value &value, unsigned depth) {
    value.offset = at;
    if (++count > limits.values)
      return fail(qcc::text("more than ", grouped(limits.values), " values"));
    if (at == text.size())
      return fail("the document ends where a value must stand");
    switch (text[at]) {
    case '{':
      return parseObject(value, depth);
    case '[':
      return parseArray(value, depth);
    case '"':
      value.kind = Kind::String;
      return parseString(value.stringValue);
    case 't':
    case 'f':
      value.kind = Kind::Bool;
      value.boolValue = text[at] == 't';
      return takeWord(value.boolValue ? "true" : "false") || fail("misspelt boolean");
    case 'n':
      return takeWord("null") || fail("misspelt null");
    default:
      return parseNumber(value);
    }
  }

  bool enter(unsigned depth) {
    ++at;
    skipSpace();
    return depth < limits.depth || fail(qcc::text("nested deeper than ", limits.depth, " levels"));
  }

  bool parseArray(Value &value, unsigned depth) {
    value.kind = Kind::Array;
    if (!enter(depth))
      return false;
    if (take(']'))
      return true;
    while (true) {
      if (!parseValue(value.elements.emplace_back(), depth + 1))
        return false;
      skipSpace();
      if (take(']'))
        return true;
      if (!take(','))
        return fail("expected ',' or ']' in an array");
      skipSpace();
    }
  }

  bool parseObject(Value &value, unsigned depth) {
    value.kind = Kind::Object;
    if (!enter(depth))
      return false;
    if (take('}'))
      return true;
    while (true) {
      Member &member = value.fields.emplace_back();
      member.offset = at;
      if (at == text.size() || text[at] != '"')
        return fail("expected a member name in double quotes");
      if (!parseString(member.name))
        return false;
      skipSpace();
      if (!take(':'))
        return fail("expected ':' after a member name");
      skipSpace();
      if (!parseValue(member.value, depth + 1))
        return false;
      skipSpace();
      if (take('}'))
        return rejectDuplicates(value.fields);
      if (!take(','))
        return fail("expected ',' or '}' in an object");
      skipSpace();
    }
  }

  /// Sorting keeps a hostile object at n log n.
  bool rejectDuplicates(const std::vector<Member> &members) {
    std::vector<const Member *> sorted;
    for (const Member &member : members)
      sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](const Member *a, const Member *b) {
      return a->name != b->name ? a->name < b->name : a->offset < b->offset;
    });
    for (size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i]->name == sorted[i - 1]->name)
        return failHere(sorted[i]->offset, qcc::text("duplicate key ", quote(sorted[i]->name), ", first at byte ",
                                                     grouped(sorted[i - 1]->offset)));
    return true;
  }

  bool parseString(std::string &out) {
    StringError error = readString(text, at, out);
    return error.message == nullptr || failHere(error.offset, error.message);
  }

  static bool isDigit(char c) { return c >= '0' && c <= '9'; }
  bool digits() {
    size_t begin = at;
    while (at < text.size() && isDigit(text[at]))
      ++at;
    return at > begin;
  }

  bool parseNumber(Value &value) {
    size_t begin = at;
    bool negative = take('-'), integral = true;
    bool leadingZero = at < text.size() && text[at] == '0';
    size_t integerBegin = at;
    if (!digits())
      return failHere(begin, "expected a value");
    if (leadingZero && at - integerBegin > 1)
      return failHere(begin, "a number must not start with a zero");
    if (take('.')) {
      integral = false;
      if (!digits())
        return fail("expected digits after the decimal point");
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
      integral = false;
      ++at;
      if (!take('+'))
        take('-');
      if (!digits())
        return fail("expected digits in the exponent");
    }
    if (limits.unsignedIntegersOnly && (negative || !integral))
      return failHere(begin, "numbers must be unsigned integers here");
    const char *first = text.data() + begin, *last = text.data() + at;
    if (integral && std::from_chars(first, last, value.integerValue).ec == std::errc()) {
      value.kind = Kind::Integer;
      return true;
    }
    if (limits.unsignedIntegersOnly)
      return failHere(begin, "integer is larger than 9,223,372,036,854,775,807");
    value.kind = Kind::Real;
    if (std::from_chars(first, last, value.realValue).ec != std::errc() || !std::isfinite(value.realValue))
      return failHere(begin, "number is outside the range of double precision");
    return true;
  }

  std::string_view text;
  const Limits &limits;
  size_t at = 0;
  size_t count = 0;
};

Expected<Value> parse(std::string_view text, const std::string &name, const Limits &limits) {
  if (text.size() > limits.bytes)
    return Error{qcc::text(name, ": ", grouped(text.size()), " bytes of JSON; the limit is ", grouped(limits.bytes))};
  Parser parser(text, limits);
  Value value;
  if (parser.document(value))
    return value;
  size_t line = 1 + std::count(text.begin(), text.begin() + parser.failedAt, '\n');
  return Error{
      qcc::text(name, ": byte ", grouped(parser.failedAt), " (line ", line, "): invalid JSON: ", parser.failure)};
}

} // namespace qcc::json
