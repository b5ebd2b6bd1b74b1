//===- Fields.cpp ---------------------------------------------------------===//

#include "Fields.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/YAMLParser.h"

#include <cmath>

namespace qcc {

Fields::Fields(const yaml::Node &node, std::string file, std::string name)
    : mapping(node), fileName(std::move(file)), name(std::move(name)) {
  if (!node.isMapping() && !node.isNull())
    status = Error{qcc::text(fileName, ":", node.line, ": ", this->name, " must be a mapping of fields")};
}

bool Fields::has(std::string_view key) const {
  const yaml::Node *found = mapping.find(key);
  return found && !found->isNull();
}

const yaml::Node *Fields::node(std::string_view key) {
  used.insert(std::string(key));
  const yaml::Node *found = mapping.find(key);
  return found && !found->isNull() ? found : nullptr;
}

void Fields::refuse(std::string_view key, const std::string &why) {
  const yaml::Node *found = mapping.find(key);
  if (status)
    status = Error{qcc::text(fileName, ":", found ? found->line : mapping.line, ": ", name, ": ", key, " ", why)};
}

std::optional<std::string> Fields::text(std::string_view key) {
  const yaml::Node *found = node(key);
  if (!found)
    return std::nullopt;
  if (!found->isScalar()) {
    refuse(key, "must be a single value");
    return std::nullopt;
  }
  return found->scalar;
}

std::optional<double> Fields::number(std::string_view key) {
  std::optional<std::string> value = text(key);
  double result;
  if (!value)
    return std::nullopt;
  if (!llvm::to_float(*value, result) || !std::isfinite(result)) {
    refuse(key, quote(*value) + " must be a number");
    return std::nullopt;
  }
  return result;
}

std::optional<int64_t> Fields::integer(std::string_view key) {
  std::optional<std::string> value = text(key);
  int64_t result;
  if (!value)
    return std::nullopt;
  if (llvm::StringRef(*value).getAsInteger(10, result)) {
    refuse(key, quote(*value) + " must be an integer");
    return std::nullopt;
  }
  return result;
}

std::optional<bool> Fields::boolean(std::string_view key) {
  std::optional<std::string> value = text(key);
  if (!value)
    return std::nullopt;
  std::optional<bool> result = llvm::yaml::parseBool(*value);
  if (!result)
    refuse(key, quote(*value) + " must be true or false");
  return result;
}

std::optional<std::vector<std::string>> Fields::strings(std::string_view key) {
  const yaml::Node *found = node(key);
  if (!found)
    return std::nullopt;
  if (found->isScalar())
    return std::vector{found->scalar};
  std::vector<std::string> result;
  for (const yaml::Node &item : found->items) {
    if (!item.isScalar())
      refuse(key, "must be a list of names");
    result.push_back(item.scalar);
  }
  if (!found->isSequence())
    refuse(key, "must be a name or a list of names");
  return result;
}

Status Fields::finish(std::string_view known) {
  if (!status)
    return status;
  for (const auto &[key, value] : mapping.members)
    if (!used.contains(key))
      return Error{
          qcc::text(fileName, ":", value.line, ": ", name, " has no field ", quote(key), "; known are ", known)};
  return {};
}

} // namespace qcc
