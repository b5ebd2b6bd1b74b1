//===- Report.cpp - Comparisons as a table and as JSON --------------------===//

#include "Compare.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

namespace qcc::eval {
namespace {

using llvm::formatv;

std::string percent(double share) { return formatv("{0:F2} %", 100 * share).str(); }

void write(llvm::json::OStream &json, llvm::StringRef name, Interval interval) {
  json.attributeArray(name, [&] {
    json.value(interval.low);
    json.value(interval.high);
  });
}

void writeMetrics(llvm::json::OStream &json, const Result &result) {
  const Comparison &m = result.metrics;
  json.attribute("quant", result.name);
  json.attribute("kv_cache", result.kv);
  json.attributeObject("kl", [&] {
    json.attribute("mean", m.klMean);
    write(json, "mean_ci95", m.klInterval);
    json.attribute("median", m.klMedian);
    json.attribute("p99", m.klP99);
    json.attribute("max", m.klMax);
  });
  json.attributeObject("nll", [&] {
    json.attribute("float", m.nllFloat);
    json.attribute("quantized", m.nllQuantized);
    json.attribute("delta", m.deltaNll());
    write(json, "delta_ci95", m.deltaNllInterval);
  });
  json.attributeObject("perplexity", [&] {
    json.attribute("float", std::exp(m.nllFloat));
    json.attribute("quantized", std::exp(m.nllQuantized));
  });
  json.attribute("top1", m.top1);
  write(json, "top1_ci95", m.top1Interval);
  json.attribute("flips", m.flips);
  json.attribute("rms_delta_p", m.rmsDeltaP);
  if (!result.layers.empty())
    json.attributeArray("layers", [&] {
      for (const LayerNoise &layer : result.layers)
        json.object([&] {
          json.attribute("name", layer.name);
          double decibel = layer.noise.decibel();
          json.attribute("sqnr_db", std::isfinite(decibel) ? llvm::json::Value(decibel) : llvm::json::Value(nullptr));
        });
    });
}

} // namespace

void printTable(const HeldOut &heldOut, const std::vector<Result> &results) {
  llvm::raw_ostream &os = llvm::outs();
  const Comparison &first = results.front().metrics;
  os << formatv("{0}: {1} windows of {2} tokens; float {3:F4} nats/token, perplexity {4:F3}\n\n", heldOut.source,
                heldOut.windows.size(), heldOut.window, first.nllFloat, std::exp(first.nllFloat));
  size_t width = 5;
  for (const Result &result : results)
    width = std::max(width, result.name.size());
  std::string head = "quant";
  head.resize(width, ' ');
  os << head
     << "  kv      mean KL  [95 %            ]   median      p99     nats   change  perplexity     top-1   flips  RMS "
        "dp\n";
  for (const Result &result : results) {
    const Comparison &m = result.metrics;
    std::string name = result.name;
    name.resize(width, ' ');
    os << name
       << formatv("  {0,-4} {1,9:E2} [{2:E2}, {3:E2}] {4,8:E2} {5,8:E2} {6,8:F4} {7,8} {8,11:F3} {9,9} {10,7} {11,7}\n",
                  result.kv, m.klMean, m.klInterval.low, m.klInterval.high, m.klMedian, m.klP99, m.nllQuantized,
                  formatv("{0}{1:F4}", m.deltaNll() >= 0 ? "+" : "", m.deltaNll()).str(), std::exp(m.nllQuantized),
                  percent(m.top1), percent(m.flips), percent(m.rmsDeltaP));
  }
  for (const Result &result : results) {
    if (result.layers.empty())
      continue;
    os << "\n" << result.name << ": signal to noise of each linear's output\n";
    for (const LayerNoise &layer : result.layers)
      os << formatv("  {0,6:F1} dB  {1}\n", layer.noise.decibel(), layer.name);
  }
  os.flush();
}

void printJson(const hf::Model &model, const HeldOut &heldOut, const std::vector<Result> &results) {
  llvm::json::OStream json(llvm::outs(), 2);
  json.object([&] {
    json.attribute("model", model.name);
    json.attribute("source", heldOut.source);
    json.attribute("window", heldOut.window);
    json.attribute("windows", int64_t(heldOut.windows.size()));
    json.attribute("positions", results.front().metrics.positions);
    if (results.size() == 1)
      return writeMetrics(json, results.front());
    json.attributeArray("variants", [&] {
      for (const Result &result : results)
        json.object([&] { writeMetrics(json, result); });
    });
  });
  llvm::outs() << "\n";
}

} // namespace qcc::eval
