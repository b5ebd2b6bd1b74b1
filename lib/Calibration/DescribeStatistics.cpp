//===- DescribeStatistics.cpp - Statistics as people read them ------------===//

#include "qcc/Calibration/Statistics.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

namespace qcc::calib {
namespace {

/// What a row of the table says of a value.
struct Summary {
  float absMax;
  size_t channel;                   ///< the one with the largest magnitude
  float median;                     ///< of the channels' largest magnitudes: absMax / median tells of outlier channels
  std::optional<double> percentile; ///< 99.9 %, of a value with a histogram
  std::optional<double> rootMeanSquare;
};

Summary summarize(const ValueStatistics &value) {
  Summary summary{value.tensorAbsMax(), 0, 0, {}, {}};
  std::vector<float> sorted(value.absMax().begin(), value.absMax().end());
  if (!sorted.empty()) {
    summary.channel = size_t(std::max_element(sorted.begin(), sorted.end()) - sorted.begin());
    std::nth_element(sorted.begin(), sorted.begin() + std::ptrdiff_t(sorted.size() / 2), sorted.end());
    summary.median = sorted[sorted.size() / 2];
  }
  if (value.kinds() & ValueStatistics::Distribution)
    summary.percentile = std::min(value.histogram().percentile(0.999), double(summary.absMax));
  double sum = 0;
  std::vector<float> squares = value.meanSquare();
  for (float square : squares)
    sum += double(square);
  if (!squares.empty())
    summary.rootMeanSquare = std::sqrt(sum / double(squares.size()));
  return summary;
}

template <typename... Args> std::string format(const char *pattern, Args... args) {
  char line[512];
  std::snprintf(line, sizeof line, pattern, args...);
  return line;
}

std::string numberOr(const char *pattern, std::optional<double> number, const char *otherwise) {
  return number ? format(pattern, *number) : otherwise;
}

std::string jsonQuoted(std::string_view chars) {
  std::string result = "\"";
  for (char c : chars)
    result += c == '"' || c == '\\'                  ? std::string("\\") + c
              : static_cast<unsigned char>(c) < 0x20 ? format("\\u%04x", unsigned(c))
                                                     : std::string(1, c);
  return result += '"';
}

std::string asJson(const Statistics &statistics) {
  std::string out =
      text("{\n  \"model\": ", jsonQuoted(statistics.modelName), ",\n  \"fingerprint\": ", jsonQuoted(statistics.model),
           ",\n  \"source\": ", jsonQuoted(statistics.source), ",\n  \"qcc\": ", jsonQuoted(statistics.version),
           ",\n  \"tokens\": ", statistics.tokens, ",\n  \"sequences\": ", statistics.sequences, ",\n  \"values\": [");
  for (const char *comma = ""; const auto &[name, value] : statistics.values) {
    Summary s = summarize(value);
    out += text(comma, "\n    {\"name\": ", jsonQuoted(name), ", \"channels\": ", value.channels(),
                ", \"rows\": ", value.rows()) +
           format(", \"absmax\": %.9g, \"absmax_channel\": %zu, \"median_absmax\": %.9g, \"p99.9\": %s, \"rms\": %s}",
                  double(s.absMax), s.channel, double(s.median), numberOr("%.9g", s.percentile, "null").c_str(),
                  numberOr("%.9g", s.rootMeanSquare, "null").c_str());
    comma = ",";
  }
  return out += "\n  ]\n}\n";
}

} // namespace

std::string describeStatistics(const Statistics &statistics, bool json) {
  if (json)
    return asJson(statistics);
  size_t width = 5;
  for (const auto &[name, value] : statistics.values)
    width = std::max(width, name.size());
  std::string out = text("model ", statistics.modelName, " (", statistics.model.substr(0, 12), "…), ",
                         statistics.tokens, " tokens in ", statistics.sequences, " sequences, source ",
                         statistics.source.substr(0, 12), "…, qcc ", statistics.version, "\n");
  auto row = [&](const std::string &name, const std::string &rest) {
    return name + std::string(width - std::min(width, name.size()), ' ') + rest + "\n";
  };
  out += row("value", "  channels      absmax  (channel)  median absmax       p99.9         rms");
  for (const auto &[name, value] : statistics.values) {
    Summary s = summarize(value);
    out += row(name, format("  %8lld  %10.4g  %9zu  %13.4g  %s  %s", static_cast<long long>(value.channels()),
                            double(s.absMax), s.channel, double(s.median),
                            numberOr("%10.4g", s.percentile, "         -").c_str(),
                            numberOr("%10.4g", s.rootMeanSquare, "         -").c_str()));
  }
  return out;
}

} // namespace qcc::calib
