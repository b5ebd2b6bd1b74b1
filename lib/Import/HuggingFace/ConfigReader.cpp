//===- ConfigReader.cpp ---------------------------------------------------===//

#include "ConfigReader.h"

namespace qcc::hf {

std::optional<int64_t> ConfigReader::integer(std::string_view key, int64_t least, int64_t most) const {
  const json::Value *value = get(key);
  if (!value)
    return std::nullopt;
  if (!value->isInteger())
    complain(text(key, " must be an integer, found ", json::describe(value->kind)));
  else if (value->integer() < least || value->integer() > most)
    complain(text(key, " = ", value->integer(), " must be in [", least, ", ", most, "]"));
  else
    return value->integer();
  return std::nullopt;
}

std::optional<double> ConfigReader::real(std::string_view key, double least, double most) const {
  const json::Value *value = get(key);
  if (!value)
    return std::nullopt;
  if (!value->isNumber())
    complain(text(key, " must be a number, found ", json::describe(value->kind)));
  else if (!(value->real() >= least && value->real() <= most))
    complain(text(key, " = ", value->real(), " must be in [", least, ", ", most, "]"));
  else
    return value->real();
  return std::nullopt;
}

std::optional<bool> ConfigReader::boolean(std::string_view key) const {
  const json::Value *value = get(key);
  if (!value)
    return std::nullopt;
  if (value->kind == json::Kind::Bool)
    return value->boolean();
  complain(text(key, " must be true or false, found ", json::describe(value->kind)));
  return std::nullopt;
}

std::optional<std::string> ConfigReader::string(std::string_view key) const {
  const json::Value *value = get(key);
  if (!value)
    return std::nullopt;
  if (value->isString())
    return value->string();
  complain(text(key, " must be a string, found ", json::describe(value->kind)));
  return std::nullopt;
}

} // namespace qcc::hf
