//===- SmoothWeights.cpp --------------------------------------------------===//

#include "SmoothWeights.h"

using namespace mlir;

namespace qcc {

Status SmoothWeights::add(graph::LinearOp linear, const LayerPlan *layer) {
  auto [found, isNew] = states.insert({linear, State{}});
  if (!isNew)
    return {};
  found->second.layer = layer;
  return layer ? install(linear) : Status();
}

std::vector<float> SmoothWeights::numbers(graph::LinearOp linear) const {
  const State &state = states.find(linear)->second;
  std::span<const float> base = exact.constant(linear.getW()).data();
  std::vector<float> result(base.begin(), base.end());
  const size_t cols = size_t(cast<RankedTensorType>(linear.getW().getType()).getDimSize(1));
  for (size_t row = 0; row * cols < result.size(); ++row)
    for (size_t c = 0; c < cols; ++c) {
      float &w = result[row * cols + c];
      w = state.columns.empty() ? w : w * state.columns[c];
      w = state.rows.empty() ? w : w / state.rows[row];
    }
  return result;
}

Status SmoothWeights::install(graph::LinearOp linear) {
  const State &state = states.find(linear)->second;
  std::vector<float> weight = state.clipped.empty() ? numbers(linear) : state.clipped;
  if (state.layer && state.layer->schemes.weights) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(linear.getW().getType()).getShape();
    quant::CodedMatrix coded = quant::roundToNearest(weight, shape[0], shape[1],
                                                     codeFormat(state.layer->schemes.weights), {}, rounding, threads);
    quant::decode(coded, weight);
  }
  return trial.set(linear.getW(), std::move(weight));
}

Status SmoothWeights::installVector(Value vector, std::span<const float> s) {
  std::span<const float> base = exact.constant(vector).data();
  std::vector<float> numbers(base.begin(), base.end());
  for (size_t j = 0; j < s.size(); ++j)
    numbers[j] /= s[j];
  return trial.set(vector, std::move(numbers));
}

Status SmoothWeights::fold(SmoothPair &pair, std::span<const float> s) {
  std::vector<float> columns(s.begin(), s.end());
  if (!s.empty() && pair.heads != pair.kvHeads) {
    std::vector<double> spread = pair.perColumn({s.begin(), s.end()});
    columns.assign(spread.begin(), spread.end());
  }
  if (pair.kind == SmoothPair::Kind::Norm) {
    if (Status status = installVector(pair.norm.getWeight(), s); !status)
      return status;
  } else {
    states[pair.producer].rows.assign(s.begin(), s.end());
    if (Status status = install(pair.producer); !status)
      return status;
    if (Value bias = pair.producer.getBias())
      if (Status status = installVector(bias, s); !status)
        return status;
  }
  for (graph::LinearOp consumer : pair.consumers) {
    states[consumer].columns = columns;
    if (Status status = install(consumer); !status)
      return status;
  }
  return {};
}

Status SmoothWeights::clip(graph::LinearOp linear, std::vector<float> weight) {
  states[linear].clipped = std::move(weight);
  return install(linear);
}

} // namespace qcc
