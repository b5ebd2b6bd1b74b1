//===- Stub.cpp -----------------------------------------------------------===//

#include "Stub.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace qcc::codegen {

void Stub::integer(const std::string &name, int64_t value) {
  bool wide = value > INT32_MAX || value < INT32_MIN;
  member(std::string("static constexpr ") + (wide ? "long long " : "int ") + name + " = " + std::to_string(value) +
         (wide ? "ll;" : ";"));
}

void Stub::flag(const std::string &name, bool value) {
  member("static constexpr bool " + name + " = " + (value ? "true;" : "false;"));
}

void Stub::constant(const std::string &name, const std::string &enumerator) {
  member("static constexpr auto " + name + " = " + enumerator + ";");
}

void Stub::real(const std::string &name, float value) {
  char text[64];
  std::snprintf(text, sizeof text, "%af; // %.9g", double(value), double(value));
  member("static constexpr float " + name + " = " + text);
}

void Stub::table(const std::string &name, const std::vector<int64_t> &values) {
  std::string text = "__device__ static constexpr long long " + name + "(int i) { return ";
  for (size_t i = 0; i + 1 < values.size(); ++i)
    text += "i == " + std::to_string(i) + " ? " + std::to_string(values[i]) + "ll : ";
  member(text + std::to_string(values.back()) + "ll; }");
}

std::string Stub::pointer(const std::string &type, const std::string &name, bool written) {
  std::string parameter = "p" + std::to_string(types.size());
  types.push_back(type + parameter);
  args.push_back({name, ArgKind::Pointer, Size::T, written});
  return parameter;
}

std::string Stub::size(const std::string &name, Size size) {
  std::string parameter = "p" + std::to_string(types.size());
  types.push_back("int " + parameter);
  args.push_back({name, ArgKind::SizeValue, size, false});
  return parameter;
}

void Stub::finish(KernelInstance &instance, const std::string &call) const {
  std::string parameters;
  for (const std::string &type : types)
    parameters += (parameters.empty() ? "" : ", ") + type;
  std::string bounds =
      std::to_string(instance.block[0] * instance.block[1] * instance.block[2]) + (oneBlock ? ", 1" : "");
  std::string problem = "#include \"" + header + "\"\n" + preamble + "struct Problem {\n" + members + "};\n";
  std::string entry = "(" + parameters + ") {\n  " + call + "\n}\n";

  // FNV-1a (Fowler, Noll, Vo) over everything the entry's code depends on in this stub: a name, not a safeguard.
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : problem + entry + bounds)
    hash = (hash ^ c) * 0x100000001b3;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));

  instance.symbol = "k_" + family + "_" + digits;
  instance.source =
      problem + "extern \"C\" __global__ void __launch_bounds__(" + bounds + ") " + instance.symbol + entry;
  instance.args = args;
}

int64_t configValue(const KernelConfig &config, const std::string &name, int64_t low, int64_t high,
                    std::string &error) {
  auto found = config.values.find(name);
  if (found == config.values.end()) {
    if (error.empty())
      error = "configuration: " + name + " is missing; give it a value in [" + std::to_string(low) + ", " +
              std::to_string(high) + "]";
    return low;
  }
  if (found->second < low || found->second > high) {
    if (error.empty())
      error = "configuration: " + name + " = " + std::to_string(found->second) + " must lie in [" +
              std::to_string(low) + ", " + std::to_string(high) + "]";
    return low;
  }
  return found->second;
}

void refuseUnknown(const KernelConfig &config, const std::vector<std::string> &known, std::string &error) {
  for (const auto &[name, value] : config.values)
    if (std::find(known.begin(), known.end(), name) == known.end() && error.empty()) {
      error = "configuration: unknown name '" + name + "'; known are";
      for (const std::string &each : known)
        error += " " + each;
    }
}

} // namespace qcc::codegen
