//===- Options.cpp --------------------------------------------------------===//

#include "Options.h"

#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <string_view>

namespace qcc_run {
namespace {

[[noreturn]] void usage(const std::string &message) { throw Exit{Usage, message + "; see qcc-run --help"}; }

template <typename T> T parseNumber(std::string_view option, std::string_view text, T low, T high) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    usage(std::string(option) + " '" + std::string(text) + "' must be a whole number from " + std::to_string(low) +
          " to " + std::to_string(high));
  return value;
}

Prompt parseTokens(std::string_view text) {
  Prompt prompt;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ')
      item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ')
      item.remove_suffix(1);
    prompt.tokens.push_back(parseNumber<int32_t>("--tokens", item, INT32_MIN, INT32_MAX));
    text.remove_prefix(comma);
    if (!text.empty() && (text.remove_prefix(1), text.empty()))
      usage("--tokens ends in a comma");
  }
  return prompt;
}

Prompt parseText(std::string_view text) {
  Prompt prompt{{}, true};
  for (char c : text)
    prompt.tokens.push_back(static_cast<unsigned char>(c));
  return prompt;
}

using Setter = std::function<void(Options &, std::string_view name, std::string_view value)>;

const std::map<std::string, Setter, std::less<>> &valueOptions() {
  static const std::map<std::string, Setter, std::less<>> table = {
      {"--device",
       [](Options &o, auto, std::string_view v) {
         if (v != "gpu" && v != "sim")
           usage("--device '" + std::string(v) + "' must be gpu or sim");
         o.simulator = v == "sim";
       }},
      {"--device-index", [](Options &o, auto n, auto v) { o.device = parseNumber<int>(n, v, 0, 1023); }},
      {"--tokens", [](Options &o, auto, auto v) { o.prompts.push_back(parseTokens(v)); }},
      {"--text", [](Options &o, auto, auto v) { o.prompts.push_back(parseText(v)); }},
      {"--max-new", [](Options &o, auto n, auto v) { o.maxNew = parseNumber<uint32_t>(n, v, 0, UINT32_MAX / 2); }},
      {"--logits", [](Options &o, auto, auto v) { o.logits = v; }},
      {"--kv-tokens", [](Options &o, auto n, auto v) { o.kvTokens = parseNumber<uint64_t>(n, v, 1, UINT32_MAX); }},
      {"--step-tokens",
       [](Options &o, auto n, auto v) { o.stepTokens = parseNumber<uint32_t>(n, v, 1, UINT32_MAX / 2); }},
  };
  return table;
}

const std::map<std::string, bool Options::*, std::less<>> &flagOptions() {
  static const std::map<std::string, bool Options::*, std::less<>> table = {
      {"--ignore-eos", &Options::ignoreEos}, {"--verify", &Options::verify}, {"--synchronous", &Options::synchronous},
      {"--quiet", &Options::quiet},          {"--help", &Options::help},     {"-h", &Options::help},
      {"--version", &Options::version},
  };
  return table;
}

} // namespace

Options parseOptions(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') {
      if (!options.engine.empty())
        usage("two engine files: '" + options.engine + "' and '" + std::string(argument) + "'");
      options.engine = argument;
      continue;
    }
    if (auto flag = flagOptions().find(argument); flag != flagOptions().end()) {
      options.*flag->second = true;
      continue;
    }
    size_t equals = argument.starts_with("--") ? argument.find('=') : argument.npos;
    std::string_view name = argument.substr(0, equals);
    auto option = valueOptions().find(name);
    if (option == valueOptions().end())
      usage("unknown option '" + std::string(argument) + "'");
    if (equals == argument.npos && i + 1 == argc)
      usage(std::string(name) + " needs a value");
    option->second(options, name, equals == argument.npos ? std::string_view(argv[++i]) : argument.substr(equals + 1));
  }
  if (options.help || options.version)
    return options;
  if (options.engine.empty())
    usage("no engine file");
  if (options.prompts.empty())
    usage("no prompt; give --tokens or --text");
  if (!options.logits.empty() && options.prompts.size() > 1)
    usage("--logits takes one prompt");
  return options;
}

void printHelp() {
  std::fputs(R"(qcc-run: generate with an engine

usage: qcc-run FILE (--tokens LIST | --text STRING)... [options]

Generated tokens (comma separated), or text, go to standard output, a line for each
prompt; everything else goes to standard error. The most likely token is taken each time.

prompt
  --tokens LIST      token ids: 1,2,3
  --text STRING      bytes of a string, for engines with a byte vocabulary
                     both may be repeated: the prompts then run together
  --max-new N        tokens to generate (default: 32, less where the context ends);
                     0 only reads the prompt
  --ignore-eos       go on after an end-of-text token

output
  --logits FILE.npy  f32 [positions, vocabulary], a row for each position of the prompt and for
                     each generated token that was fed back. The last one is not: P prompt tokens and
                     N >= 1 generated ones make P + N - 1 rows
  --quiet            nothing on standard error but errors

device
  --device gpu|sim   the GPU (default), or the PTX simulator that comes with qcc.
                     The environment variable QCC_LIBCUDA names another driver library
  --device-index N   which GPU (default: 0)
  --kv-tokens N      tokens to hold K/V memory for (default: what the prompts need)
  --step-tokens N    tokens in one step: longer prompts are read in pieces (default: the engine's bound)
  --synchronous      wait after each kernel, so that an error names it

checks
  --verify           check the whole file before anything is loaded
  --help, --version

examples
  qcc-run model.qengine --text "In the beginning" --max-new 64
  qcc-run model.qengine --device sim --tokens 1,2,3 --max-new 8
  qcc-run model.qengine --tokens 1,2,3 --max-new 0 --logits prompt.npy

exit status: 0, or 2 usage, 65 bad input or damaged engine, 69 no suitable GPU or driver,
  70 error in qcc, 71 out of memory, 74 input/output, 75 device lost
)",
             stdout);
}

} // namespace qcc_run
