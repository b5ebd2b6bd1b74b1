//===- Report.cpp ---------------------------------------------------------===//

#include "Report.h"
#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace qcc::numerics {
namespace {

std::string inDecibels(double value) {
  if (std::isinf(value))
    return value > 0 ? "no noise" : "no signal";
  return llvm::formatv("{0:F1} dB", value).str();
}

std::string boundText(double decibels, const Bound &bound) {
  return llvm::formatv("bound {0}, {1}", inDecibels(decibels), bound.reason).str();
}

std::string describe(const Comparison &place, const Judgement &judged) {
  const Noise &noise = judged.noise;
  std::string text = "signal to noise " + inDecibels(noise.decibels);
  if (judged.isLow)
    text += " (" + boundText(place.bound.decibels, place.bound) + ")";
  if (std::isinf(noise.worstDecibels) && noise.worstDecibels > 0)
    text += ", no channel with noise and enough tokens";
  else
    text += llvm::formatv(", worst channel {0} of {1} {2}", noise.worstChannel, place.sums.channels(),
                          inDecibels(noise.worstDecibels));
  if (judged.hasBadChannel)
    text += " (" + boundText(place.bound.channelDecibels, place.bound) + ")";
  if (judged.own)
    text += llvm::formatv(", of its half block alone {0}, worst channel {1} {2}", inDecibels(judged.own->decibels),
                          judged.own->worstChannel, inDecibels(judged.own->worstDecibels));
  if (place.added)
    text += llvm::formatv(", {0:F1} dB more noise from its weight than rounding explains, {1:F1} dB in channel {2}",
                          place.added->excess, place.added->worstExcess, place.added->worstChannel);
  if (judged.addsTooMuch)
    text += llvm::formatv(" (bounds {0:F0} and {1:F0} dB)", place.added->limit, place.added->channelLimit);
  return text;
}

/// "factors per channel from 0.5 to 2, not 1 in 3 of 128 channels (17, 18, 40)".
std::string describeFactors(const Comparison &place) {
  constexpr double kOne = 0.02; ///< rounding moves factors by less
  constexpr size_t kShown = 8;
  std::vector<double> factors = place.sums.factors();
  std::vector<std::string> changed;
  for (size_t c = 0; c < factors.size(); ++c)
    if (std::fabs(factors[c] - 1) > kOne)
      changed.push_back(std::to_string(c));
  if (changed.empty())
    return "no factors per channel";
  auto [least, most] = std::minmax_element(factors.begin(), factors.end());
  std::string text = llvm::formatv("factors per channel from {0:G4} to {1:G4}, not 1 in {2} of {3} channels", *least,
                                   *most, changed.size(), factors.size());
  if (changed.size() > kShown)
    return text;
  return text + " (" + llvm::join(changed, ", ") + ")";
}

} // namespace

std::string summaryOf(const std::vector<Comparison> &comparisons, const Finding &finding, llvm::StringRef passes) {
  const Comparison &shows = comparisons[finding.shows], &first = comparisons[finding.first];
  std::string text = llvm::formatv("after {0}: {1} is not what the float model computes: {2}", passes, shows.name,
                                   describe(shows, judgeInvariant(shows)));
  if (finding.isFactor)
    text += llvm::formatv("; first op that differs: {0}, by factors per channel that {1} does not undo", first.name,
                          shows.name);
  else
    text += llvm::formatv("; first op that differs: {0}", first.name);
  return text;
}

std::string detailsOf(const std::vector<Comparison> &comparisons, const Finding &finding) {
  std::string text;
  for (size_t place : {finding.shows, finding.first}) {
    const Comparison &comparison = comparisons[place];
    text += (place == finding.shows ? "shows at " : "first op that differs: ") + comparison.name + "\n";
    text += "  as it is:               " + describe(comparison, judge(comparison)) + "\n";
    text += "  without those factors:  " + describe(comparison, judgeScaled(comparison)) + "\n";
    text += "  " + describeFactors(comparison) + "\n" + comparison.histogram.bars();
    if (finding.first == finding.shows)
      break;
  }
  return text;
}

std::string tableOf(const std::vector<Comparison> &comparisons) {
  std::string text = "signal to noise of all places, in the order of forward; * beyond the bound; (f) without factors "
                     "per channel; adds: noise of the weight beside what rounding to its format explains\n";
  for (const Comparison &comparison : comparisons) {
    Judgement judged = judgeInvariant(comparison);
    std::string added = comparison.added ? llvm::formatv(", adds {0:F1} dB of {1:F1}, channel {2} {3:F1} dB of {4:F1}",
                                                         comparison.added->excess, comparison.added->limit,
                                                         comparison.added->worstChannel, comparison.added->worstExcess,
                                                         comparison.added->channelLimit)
                                               .str()
                                         : std::string();
    text += llvm::formatv("{0} {1,-56} {2,10}{3} worst channel {4,5} {5,10}  ({6}{7})\n", judged.isBad() ? "*" : " ",
                          comparison.name, inDecibels(judged.noise.decibels), comparison.isScalable ? " (f)" : "    ",
                          judged.noise.worstChannel, inDecibels(judged.noise.worstDecibels),
                          boundText(comparison.bound.decibels, comparison.bound), added);
  }
  return text;
}

std::string worstOf(const std::vector<Comparison> &comparisons) {
  if (comparisons.empty())
    return "nothing to compare";
  // What counted: the better one of the two ratios, where both were needed.
  auto ratio = [](const Comparison &c) {
    Judgement judged = judgeInvariant(c);
    return judged.own ? std::max(judged.noise.decibels, judged.own->decibels) : judged.noise.decibels;
  };
  auto margin = [&](const Comparison &c) { return ratio(c) - c.bound.decibels; };
  const Comparison &worst =
      *std::min_element(comparisons.begin(), comparisons.end(),
                        [&](const Comparison &a, const Comparison &b) { return margin(a) < margin(b); });
  return llvm::formatv("worst place {0}: {1}{2} ({3})", worst.name, inDecibels(ratio(worst)),
                       worst.own ? " of its half block" : "", boundText(worst.bound.decibels, worst.bound));
}

std::string Reproducer::command() const {
  std::string check = "qcc-check-numerics{reference=" + directory + "/float.mlir calib=" + calib;
  if (bound)
    check += llvm::formatv(" bound={0}", *bound).str();
  return "qcc-opt " + directory + "/before.mlir --pass-pipeline='builtin.module(" + pipeline +
         (pipeline.empty() ? "" : ",") + check + "})'";
}

Status Reproducer::write(const std::string &report) const {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return Error{text(directory, ": cannot be made a directory: ", error.message()), ExitCode::IoError};
  for (auto [name, content] : {std::pair<const char *, const std::string *>{"before.mlir", &before},
                               {"float.mlir", &exact},
                               {"report.txt", &report}}) {
    Expected<AtomicFile> file = AtomicFile::create(directory + "/" + name);
    if (!file)
      return file.takeError();
    if (Status status = file->write(*content); !status)
      return status;
    if (Status status = file->commit(); !status)
      return status;
  }
  return {};
}

std::string passNames(llvm::StringRef pipeline) {
  std::string names;
  int depth = 0;
  for (char c : pipeline) {
    depth += c == '{';
    if (depth == 0)
      names += c == ',' ? std::string(", ") : std::string(1, c);
    depth -= c == '}';
  }
  return names;
}

} // namespace qcc::numerics
