//===- Spec.cpp -----------------------------------------------------------===//

#include "Spec.h"

#include "qcc/Support/Text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <vector>

namespace qcc::bench {

using namespace codegen;

namespace {

constexpr ElemType kCacheTypes[] = {ElemType::BF16, ElemType::E4M3, ElemType::S8};
constexpr ActQuant kQuantKinds[] = {ActQuant::None,       ActQuant::E4M3Token, ActQuant::E4M3Group128,
                                    ActQuant::E4M3Static, ActQuant::S8Token,   ActQuant::S8Static};

const char *nameOf(WeightFormat format) { return infoOf(format).name; }

/// The element of `all` with this name.
template <typename T, size_t N> std::optional<T> named(const T (&all)[N], const std::string &name) {
  for (T each : all)
    if (name == nameOf(each))
      return each;
  return std::nullopt;
}

struct Family {
  const char *name;
  std::vector<std::string> numbers;
  const char *word; ///< the key whose value is a name, or null
};

const std::vector<Family> &families() {
  static const std::vector<std::string> product = {"n", "k", "rows", "group"};
  static const std::vector<std::string> attention = {"heads", "kv_heads", "dim", "batch", "len"};
  static const std::vector<Family> all = {
      {"gemm", product, "format"},
      {"lm_head", product, "format"},
      {"prefill", attention, "kv"},
      {"decode", attention, "kv"},
      {"normalize", {"rows", "columns", "residual"}, "quantize"},
      {"rope_append", {"heads", "kv_heads", "dim", "rows"}, "kv"},
      {"argmax", {"rows", "columns"}, nullptr},
      {"swiglu", {"rows", "columns"}, "quantize"},
  };
  return all;
}

bool isKnown(const std::string &key, const std::string &value) {
  if (key == "format")
    return named(kWeightFormats, value).has_value();
  return key == "kv" ? named(kCacheTypes, value).has_value() : named(kQuantKinds, value).has_value();
}

Error wrong(const std::string &what) { return {"problem: " + what + "; see bench/timing/Spec.h", ExitCode::Usage}; }

} // namespace

Expected<Spec> Spec::parse(const std::string &line) {
  std::istringstream in(line);
  Spec spec;
  in >> spec.family;
  const Family *family = nullptr;
  for (const Family &each : families())
    if (spec.family == each.name)
      family = &each;
  if (!family)
    return wrong("unknown family '" + spec.family + "'");
  for (std::string item; in >> item;) {
    size_t equals = item.find('=');
    if (equals == item.npos)
      return wrong("'" + item + "' is not key=value");
    std::string key = item.substr(0, equals), value = item.substr(equals + 1);
    if (spec.words.count(key) || spec.numbers.count(key))
      return wrong("key '" + key + "' is given twice");
    if (family->word && key == family->word) {
      if (!isKnown(key, value))
        return wrong("unknown " + key + " '" + value + "'");
      spec.words[key] = value;
      continue;
    }
    if (std::find(family->numbers.begin(), family->numbers.end(), key) == family->numbers.end())
      return wrong(spec.family + " has no key '" + key + "'");
    int64_t number = -1;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 0 || number > (int64_t(1) << 32))
      return wrong(key + " = '" + value + "' is not a number from 0 to 2^32");
    spec.numbers[key] = number;
  }
  if (family->word && !spec.words.count(family->word))
    return wrong(spec.family + " lacks " + family->word);
  bool grouped = spec.words.count("format") && infoOf(spec.weightFormat()).mayHaveGroups;
  for (const std::string &key : family->numbers) {
    bool needed = key != "group" || grouped, mayBeZero = key == "group" || key == "residual";
    if (needed != (spec.numbers.count(key) > 0))
      return wrong(spec.family + (needed ? " lacks " : " of this format has no ") + key);
    if (needed && !mayBeZero && spec.numbers[key] == 0)
      return wrong(key + " is 0");
  }
  return spec;
}

WeightFormat Spec::weightFormat() const { return *named(kWeightFormats, words.at("format")); }
ElemType Spec::cacheType() const { return *named(kCacheTypes, words.at("kv")); }
ActQuant Spec::quantize() const { return *named(kQuantKinds, words.at("quantize")); }

} // namespace qcc::bench
