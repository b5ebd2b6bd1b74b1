//===- DescribeStatistics.cpp - Statistics as people read them ------------===//

#include "qcc/Calibration/Statistics.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace qcc::calib {
namespace {

/// What a row of the table says of a value.
struct Summary {
  float absMax;
  size_t channel;    ///< the one with the largest magnitude
  float median;      ///< of the channels' largest magnitudes: absMax / median tells of outlier channels
  double percentile; ///< 99.9 %, 0 without a histogram
  double rootMeanSquare;
};

Summary summarize(const ValueStatistics &value) {
  Summary summary{value.tensorAbsMax(), 0, 0, 0, 0};
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
  summary.rootMeanSquare = squares.empty() ? 0 : std::sqrt(sum / double(squares.size()));
  return summary;
}

template <typename... Args> std::string format(const char *pattern, Args... args) {
  char line[512];
  std::snprintf(line, sizeof line, pattern, args...);
  return line;
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
    out +=
        text(comma, "\n    {\"name\": ", jsonQuoted(name), ", \"channels\": ", value.channels(),
             ", \"rows\": ", value.rows()) +
        format(", \"absmax\": %.9g, \"absmax_channel\": %zu, \"median_absmax\": %.9g, \"p99.9\": %.9g, \"rms\": %.9g}",
               double(s.absMax), s.channel, double(s.median), s.percentile, s.rootMeanSquare);
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
    out += row(name, format("  %8lld  %10.4g  %9zu  %13.4g  %10.4g  %10.4g", static_cast<long long>(value.channels()),
                            double(s.absMax), s.channel, double(s.median), s.percentile, s.rootMeanSquare));
  }
  return out;
}

} // namespace qcc::calib
