//===- SolveLayer.cpp -----------------------------------------------------===//

#include "SolveLayer.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "llvm/ADT/StringExtras.h"

#include <sstream>

namespace qcc {
namespace {

quant::ScaleRule scaleRule(WeightScales scales) {
  switch (scales) {
  case WeightScales::Signed:
    return quant::ScaleRule::Signed;
  case WeightScales::Grid:
    return quant::ScaleRule::Grid;
  case WeightScales::MinMax:
    return quant::ScaleRule::MinMax;
  }
  return quant::ScaleRule::Signed;
}

std::optional<quant::PruneMethod> pruneMethod(PruneKind kind) {
  switch (kind) {
  case PruneKind::None:
    return std::nullopt;
  case PruneKind::Magnitude:
    return quant::PruneMethod::Magnitude;
  case PruneKind::Wanda:
    return quant::PruneMethod::Wanda;
  case PruneKind::SparseGpt:
    return quant::PruneMethod::SparseGpt;
  case PruneKind::Refit:
    return quant::PruneMethod::Refit;
  }
  return std::nullopt;
}

} // namespace

SolveSettings SolveSettings::of(const QuantizeOptions &options) {
  SolveSettings settings;
  unsigned threads = options.threads ? options.threads : defaultThreads();
  settings.gptq.scales.rule = scaleRule(options.scales);
  settings.gptq.threads = settings.pruning.threads = threads;
  if (options.damping)
    settings.search.dampings = {*options.damping};
  if (options.pruneDamping)
    settings.pruning.damping = *options.pruneDamping;
  if (!options.activationOrder)
    settings.search.orders = {quant::ColumnOrder::Natural};
  settings.prune = pruneMethod(options.prune);
  return settings;
}

SolveSettings SolveSettings::with(const SearchedValues &given, const std::string &layer) const {
  SolveSettings result = *this;
  double number;
  if (const std::string *value = findGiven(given, layer, "damping"); value && llvm::to_float(*value, number))
    result.search.dampings = {number};
  if (const std::string *value = findGiven(given, layer, "correction"); value && llvm::to_float(*value, number))
    result.search.corrections = {number};
  if (const std::string *value = findGiven(given, layer, "order"))
    result.search.orders = {*value == "activation" ? quant::ColumnOrder::Activation : quant::ColumnOrder::Natural};
  return result;
}

std::string SolveSettings::describe() const {
  std::ostringstream out;
  out.precision(17); // options that differ at all have other keys
  out << "scales " << int(gptq.scales.rule) << " " << gptq.scales.steps << " " << gptq.scales.from << " "
      << gptq.scales.to << "; descent " << gptq.descentPasses << "; dampings";
  for (double damping : search.dampings)
    out << " " << damping;
  out << "; corrections";
  for (double correction : search.corrections)
    out << " " << correction;
  out << "; orders";
  for (quant::ColumnOrder order : search.orders)
    out << " " << int(order);
  if (prune)
    out << "; prune " << int(*prune) << " " << pruning.damping << " " << pruning.correction << " "
        << pruning.searchRounds;
  return out.str();
}

Expected<SolvedLayer> solveLayer(std::span<const float> w, int64_t rows, int64_t cols, quant::Moments &moments,
                                 bool isLastUse, const std::optional<quant::CodeFormat> &format, bool prunes,
                                 const SolveSettings &settings) {
  SolvedLayer solved;
  solved.coded.rows = rows;
  solved.coded.cols = cols;
  std::vector<uint8_t> mask;
  if (prunes) {
    auto pruned = quant::prune24(w, rows, cols, moments, *settings.prune, settings.pruning);
    if (!pruned)
      return pruned.takeError();
    mask = std::move(pruned->mask);
    if (!format) {
      solved.pruned = std::move(pruned->w);
      for (float &value : solved.pruned)
        value = quant::roundToBF16(value);
      if (moments.k > 0)
        solved.report.heldOutError = quant::heldOutError(w, solved.pruned, rows, moments);
      return solved;
    }
  }
  auto coded = isLastUse ? quant::searchGptq(w, rows, std::move(moments), *format, settings.gptq, settings.search, mask)
                         : quant::searchGptq(w, rows, moments, *format, settings.gptq, settings.search, mask);
  if (!coded)
    return coded.takeError();
  solved.coded = std::move(coded->coded);
  solved.report = coded->report;
  return solved;
}

} // namespace qcc
