//===- OpsAttention.cpp - Rope, cache and attention -----------------------===//

#include "Cache.h"
#include "qcc/Quant/ActivationCodes.h"
#include "qcc/Support/RopeTable.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::interp {

template <typename T> Cache<T>::Cache(graph::KvCacheOp op, int64_t pages) {
  type = dtypeOf(op.getElementType());
  kvHeads = int64_t(op.getKvHeads());
  headDim = int64_t(op.getHeadDim());
  rowsPerPage = int64_t(op.getPageSize());
  rows = rowIndex(pages, 0, 0);
  keys = makePages(size_t(op.getLayers()), op.getKScale());
  values = makePages(size_t(op.getLayers()), op.getVScale());
}

template <typename T>
std::vector<typename Cache<T>::Pages> Cache<T>::makePages(size_t layers,
                                                          std::optional<llvm::ArrayRef<float>> scales) const {
  std::vector<Pages> made(layers);
  for (auto [layer, of] : llvm::enumerate(made))
    if (scales)
      of.scales = scales->slice(layer * size_t(kvHeads), size_t(kvHeads)).vec();
  return made;
}

template <typename T> void Cache<T>::write(Pages &pages, const Tensor<T> &x, std::span<const int32_t> slots) {
  if (pages.numbers.empty()) {
    pages.numbers.assign(rows * size_t(headDim), std::numeric_limits<T>::quiet_NaN());
    if (type == DType::I8)
      pages.scales.assign(rows, 1.0f);
  }
  for (size_t t = 0; t < slots.size(); ++t)
    for (int64_t head = 0; head < kvHeads; ++head) {
      size_t row = rowIndex(slots[t] / rowsPerPage, head, slots[t] % rowsPerPage);
      auto from = x.data().subspan((t * size_t(kvHeads) + size_t(head)) * size_t(headDim), size_t(headDim));
      auto to = std::span(pages.numbers).subspan(row * size_t(headDim), size_t(headDim));
      if (type == DType::I8) { // in f32, as the kernels do
        std::vector<float> numbers(from.begin(), from.end());
        std::vector<int8_t> codes(numbers.size());
        quant::quantizeInt8PerRow(numbers, 1, headDim, codes, std::span(pages.scales).subspan(row, 1));
        std::copy(codes.begin(), codes.end(), to.begin());
        continue;
      }
      if (pages.scales.empty())
        std::copy(from.begin(), from.end(), to.begin());
      else // in f32 too: with a scale of absmax / 448, values of 3/4, 3/8, … absmax have a tie of e4m3 as quotient
        std::transform(from.begin(), from.end(), to.begin(),
                       [scale = pages.scales[size_t(head)]](T value) { return T(float(value) / scale); });
      roundTo(type, to);
    }
}

template <typename T>
void Cache<T>::append(graph::KvAppendOp op, const Tensor<T> &k, const Tensor<T> &v, std::span<const int32_t> slots) {
  write(keys[size_t(op.getLayer())], k, slots);
  write(values[size_t(op.getLayer())], v, slots);
}

template <typename T>
std::vector<T> Cache<T>::read(const Pages &pages, int64_t head, std::span<const int32_t> table, int64_t length) const {
  if (pages.numbers.empty())
    return std::vector<T>(size_t(length * headDim), std::numeric_limits<T>::quiet_NaN());
  std::vector<T> out;
  out.reserve(size_t(length * headDim));
  for (int64_t position = 0; position < length; ++position) {
    size_t row = rowIndex(table[size_t(position / rowsPerPage)], head, position % rowsPerPage);
    T scale = pages.scales.empty() ? T(1) : T(pages.scales[type == DType::I8 ? row : size_t(head)]);
    for (T number : std::span(pages.numbers).subspan(row * size_t(headDim), size_t(headDim)))
      out.push_back(number * scale);
  }
  return out;
}

/// Softmax of the keys that the query at `position` sees; the others get weight 0.
template <typename T>
static void maskedSoftmax(std::span<T> scores, int64_t position, std::optional<int64_t> window, T scale) {
  int64_t first = window ? std::max<int64_t>(0, position - *window + 1) : 0;
  T largest = -std::numeric_limits<T>::infinity();
  for (int64_t j = first; j <= position; ++j)
    largest = std::max(largest, scores[size_t(j)] *= scale);
  double sum = 0;
  for (int64_t j = first; j <= position; ++j)
    sum += double(scores[size_t(j)] = std::exp(scores[size_t(j)] - largest));
  for (int64_t j = 0; j < int64_t(scores.size()); ++j)
    scores[size_t(j)] = j < first || j > position ? T(0) : T(double(scores[size_t(j)]) / sum);
}

template <typename T>
Tensor<T> Cache<T>::attend(graph::AttentionOp op, const Tensor<T> &q, const RaggedBatch &batch) const {
  int64_t layer = int64_t(op.getLayer()), heads = q.shape[1], pitch = heads * headDim;
  T scale = T(op.getScale().convertToDouble());
  std::optional<int64_t> window;
  if (auto given = op.getWindow())
    window = int64_t(*given);
  std::vector<T> y(q.data().size());
  size_t sequences = batch.contextLens.size(),
         pagesPerSequence = sequences == 0 ? 0 : batch.blockTables.size() / sequences;
  for (size_t b = 0; b < sequences; ++b) {
    int64_t begin = batch.seqStarts[b], fresh = batch.seqStarts[b + 1] - begin, length = batch.contextLens[b];
    if (fresh == 0)
      continue;
    auto table = std::span(batch.blockTables).subspan(b * pagesPerSequence, pagesPerSequence);
    std::vector<T> k, v, scores(size_t(fresh * length));
    for (int64_t head = 0; head < heads; ++head) {
      if (int64_t group = heads / kvHeads; head % group == 0) {
        int64_t kvHead = head / group;
        k = read(keys[size_t(layer)], kvHead, table, length);
        v = read(values[size_t(layer)], kvHead, table, length);
      }
      size_t at = size_t(begin * pitch + head * headDim);
      product(fresh, length, headDim, &q.data()[at], pitch, k.data(), headDim, true, scores.data(), length);
      for (int64_t i = 0; i < fresh; ++i)
        maskedSoftmax(std::span(scores).subspan(size_t(i * length), size_t(length)), length - fresh + i, window, scale);
      product(fresh, headDim, length, scores.data(), length, v.data(), headDim, false, &y[at], pitch);
    }
  }
  return finish<T>(op.getY(), q.shape, std::move(y));
}

template <typename T> Tensor<T> evalRope(graph::RopeOp op, const Tensor<T> &x, const Tensor<T> &positions) {
  RopeSpec spec = op.getRope().getSpec();
  std::vector<double> frequencies = ropeInvFreq(spec);
  int64_t heads = x.shape[1], dim = x.shape[2], half = dim / 2;
  std::vector<T> y(x.data().begin(), x.data().end());
  for (int64_t t = 0; t < x.shape[0]; ++t)
    for (int64_t i = 0; i < half; ++i) {
      // In f32 this is fillRopeTable's entry, which kernels read.
      double angle = double(positions.integers()[size_t(t)]) * frequencies[size_t(i)];
      T cosine = T(std::cos(angle) * spec.attentionFactor), sine = T(std::sin(angle) * spec.attentionFactor);
      for (int64_t head = 0; head < heads; ++head) {
        T &low = y[size_t((t * heads + head) * dim + i)], &high = y[size_t((t * heads + head) * dim + i + half)];
        T rotated = low * cosine - high * sine;
        high = high * cosine + low * sine;
        low = rotated;
      }
    }
  return finish<T>(op.getY(), x.shape, std::move(y));
}

template class Cache<float>;
template class Cache<double>;
template Tensor<float> evalRope(graph::RopeOp, const Tensor<float> &, const Tensor<float> &);
template Tensor<double> evalRope(graph::RopeOp, const Tensor<double> &, const Tensor<double> &);

} // namespace qcc::interp
