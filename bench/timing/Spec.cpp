//===- Spec.cpp -----------------------------------------------------------===//

#include "Spec.h"

#include "qcc/Support/Text.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

namespace qcc::bench {

namespace {

struct Family {
  const char *name;
  std::vector<std::string> numbers;
  const char *word; ///< the key whose value is a name, or null
  std::vector<std::string> values;
};

const std::vector<Family> &families() {
  static const std::vector<std::string> attention = {"heads", "kv_heads", "dim", "batch", "len"};
  static const std::vector<Family> all = {
      {"gemm", {"n", "k", "rows", "group"}, "format", {"bf16", "e4m3", "s4"}},
      {"prefill", attention, "kv", {"bf16", "e4m3"}},
      {"decode", attention, "kv", {"bf16", "e4m3"}},
      {"normalize", {"rows", "columns", "quantize", "residual"}, nullptr, {}},
      {"rope_append", {"heads", "kv_heads", "dim", "rows"}, "kv", {"bf16", "e4m3"}},
      {"argmax", {"rows", "columns"}, nullptr, {}},
      {"swiglu", {"rows", "columns", "quantize"}, nullptr, {}},
  };
  return all;
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
      if (std::find(family->values.begin(), family->values.end(), value) == family->values.end())
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
  bool grouped = spec.family == "gemm" && spec.words["format"] == "s4";
  for (const std::string &key : family->numbers) {
    bool needed = key != "group" || grouped, flag = key == "quantize" || key == "residual";
    if (needed != (spec.numbers.count(key) > 0))
      return wrong(spec.family + (needed ? " lacks " : " of this format has no ") + key);
    if (needed && !flag && spec.numbers[key] == 0)
      return wrong(key + " is 0");
  }
  return spec;
}

} // namespace qcc::bench
