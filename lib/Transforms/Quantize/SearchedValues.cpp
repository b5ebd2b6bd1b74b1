//===- SearchedValues.cpp -------------------------------------------------===//

#include "qcc/Transforms/Quantize/SearchedValues.h"
#include "qcc/Support/Text.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"

#include <charconv>
#include <cmath>

using namespace mlir;

namespace qcc {
namespace {

bool isNumberWithin(const std::string &value, double least, double most) {
  double number;
  return llvm::to_float(value, number) && number >= least && number <= most;
}

bool isScale(llvm::StringRef value) {
  double scale;
  return llvm::to_float(value, scale) && scale > 0 && std::isnormal(float(scale));
}

} // namespace

SearchedValues searchedOf(ModuleOp module) {
  SearchedValues values;
  auto layers = module->getAttrOfType<DictionaryAttr>(kSearchedAttr);
  for (NamedAttribute layer : layers ? layers : DictionaryAttr::get(module.getContext()))
    if (auto entries = dyn_cast<DictionaryAttr>(layer.getValue()))
      for (NamedAttribute entry : entries)
        if (auto value = dyn_cast<StringAttr>(entry.getValue()))
          values[layer.getName().str()][entry.getName().str()] = value.str();
  return values;
}

void addSearched(ModuleOp module, const SearchedValues &values) {
  if (values.empty())
    return;
  SearchedValues all = searchedOf(module);
  for (const auto &[layer, entries] : values)
    for (const auto &[name, value] : entries)
      all[layer][name] = value;
  Builder builder(module.getContext());
  SmallVector<NamedAttribute> layers;
  for (const auto &[layer, entries] : all) {
    SmallVector<NamedAttribute> attributes;
    for (const auto &[name, value] : entries)
      attributes.push_back(builder.getNamedAttr(name, builder.getStringAttr(value)));
    layers.push_back(builder.getNamedAttr(layer, builder.getDictionaryAttr(attributes)));
  }
  module->setAttr(kSearchedAttr, builder.getDictionaryAttr(layers));
}

std::string exactly(double value) {
  char digits[32];
  auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  return {digits, end};
}

const std::string *findGiven(const SearchedValues &given, const std::string &layer, const std::string &name) {
  auto found = given.find(layer);
  if (found == given.end())
    return nullptr;
  auto value = found->second.find(name);
  return value == found->second.end() ? nullptr : &value->second;
}

Status checkSearched(const std::string &name, const std::string &value) {
  auto must = [&](bool holds, const char *what) {
    return holds ? Status() : Error{text(name, " ", quote(value), " must be ", what)};
  };
  if (name == "damping")
    return must(isNumberWithin(value, 0, 1e12), "a number of at least 0");
  if (name == "correction")
    return must(isNumberWithin(value, 0, 1), "a number from 0 to 1");
  if (name == "order")
    return must(value == "activation" || value == "natural", "activation or natural");
  if (name == "smooth")
    return must(value == "none" || llvm::StringRef(value).starts_with("alpha "), "none or alpha A");
  if (name == "awq")
    return must(value == "none" || llvm::StringRef(value).starts_with("ratio ") ||
                    llvm::StringRef(value).starts_with("duo "),
                "none, ratio R or duo R");
  if (name == "clip")
    return must(value == "true" || value == "false", "true or false");
  if (name == "input_scale")
    return must(isScale(value), "a positive number of f32");
  if (name == "kv_scale")
    return must(llvm::all_of(llvm::split(value, ' '), isScale), "positive numbers of f32 with a space between");
  return Error{text(quote(name), " is not a searched value; known are damping, correction, order, smooth, awq, clip, "
                                 "input_scale and kv_scale")};
}

} // namespace qcc
