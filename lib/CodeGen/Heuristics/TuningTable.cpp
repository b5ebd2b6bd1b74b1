//===- TuningTable.cpp ----------------------------------------------------===//

#include "TuningTable.h"

#include "qcc/CodeGen/KernelHeaders.h"
#include "qcc/CodeGen/Nvrtc.h"

#include <charconv>
#include <sstream>

namespace qcc::codegen {
namespace {

bool parseInteger(std::string_view text, int64_t &value) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size();
}

/// "rows<=8:" or "rows<=any:"
bool parseBound(std::string_view word, int64_t &rows) {
  constexpr std::string_view prefix = "rows<=";
  if (word.substr(0, prefix.size()) != prefix || word.back() != ':')
    return false;
  word = word.substr(prefix.size(), word.size() - prefix.size() - 1);
  rows = 0;
  return word == "any" || (parseInteger(word, rows) && rows > 0);
}

std::string parseLine(const std::string &line, TuningEntry &entry) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  entry.target = word.rfind("sm_", 0) == 0 ? capabilityOf(word) : 0;
  if (entry.target == 0)
    return "'" + word + "' must be a target such as sm_90";
  while (words >> word && word.back() != ':')
    entry.problem += (entry.problem.empty() ? "" : " ") + word;
  if (!parseBound(word, entry.rows))
    return "'" + word + "' must be a bound such as rows<=8: or rows<=any:";
  while (words >> word) {
    size_t equals = word.find('=');
    int64_t value = 0;
    if (equals == std::string::npos || equals == 0 || !parseInteger(std::string_view(word).substr(equals + 1), value))
      return "'" + word + "' must be NAME=NUMBER";
    if (!entry.config.values.emplace(word.substr(0, equals), value).second)
      return "'" + word.substr(0, equals) + "' is given twice";
  }
  return entry.config.values.empty() ? "an entry must give a configuration after its bound" : "";
}

/// Tables by family name, parsed once.
const std::map<std::string, std::vector<TuningEntry>> &embeddedTables() {
  static const auto tables = [] {
    std::map<std::string, std::vector<TuningEntry>> all;
    for (const EmbeddedFile &file : tuningTables()) {
      // A malformed embedded table is a mistake in this repository; a unit test parses them all.
      std::string name = file.name;
      if (auto entries = parseTuningTable(file.text, name))
        all[name.substr(0, name.find('.'))] = *entries;
    }
    return all;
  }();
  return tables;
}

} // namespace

Expected<std::vector<TuningEntry>> parseTuningTable(std::string_view text, const std::string &name) {
  std::vector<TuningEntry> entries;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string::npos)
      continue;
    TuningEntry entry;
    if (std::string wrong = parseLine(line, entry); !wrong.empty())
      return Error{name + ":" + std::to_string(number) + ": " + wrong};
    entries.push_back(std::move(entry));
  }
  return entries;
}

const KernelConfig *findTuned(const std::string &family, int target, const std::string &problem, int64_t rows) {
  auto table = embeddedTables().find(family);
  if (table == embeddedTables().end())
    return nullptr;
  for (const TuningEntry &entry : table->second)
    if (entry.target == target && entry.rows == rows && entry.problem == problem)
      return &entry.config;
  return nullptr;
}

} // namespace qcc::codegen
