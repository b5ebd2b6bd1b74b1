//===- Bounds.cpp ---------------------------------------------------------===//

#include "Bounds.h"

#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace qcc::numerics {
namespace {

// Signal to noise of healthy modules: least of any place, and of any of its channels, over the methods and group sizes
// on test/models/small, less 6 dB (a fourth part) for other models; docs/quantization.md has the measured ones.
const Bound kFloat{60, 40, "f32"};
const Bound kBF16{30, 15, "bf16"};
const Bound kEightBits{10, 2, "8 bits"};
const Bound kFourBits{7, -4, "4-bit weights"};
const Bound kThreeBits{0, -14, "3-bit weights"};
const Bound kTwoBits{-12, -32, "2-bit weights"};
const Bound kSparse{-4, -24, "2:4 weights"};
const Bound kClipped{7, -4, "clipped weights"};

Bound boundOf(graph::SchemeAttr scheme) {
  auto integer = dyn_cast<IntegerType>(scheme.getStorage());
  if (!integer || integer.getWidth() >= 8)
    return kEightBits;
  return integer.getWidth() == 4 ? kFourBits : integer.getWidth() == 3 ? kThreeBits : kTwoBits;
}

class BoundFinder {
public:
  BoundFinder(ModuleOp module, std::optional<double> asked) : module(module), asked(asked) {}

  Bound next(const Place &place) {
    Operation *op = place.op;
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (type.getElementType().isBF16())
      lower(kBF16);
    for (Value operand : op->getOperands())
      if (auto dequantize = operand.getDefiningOp<graph::DequantizeOp>())
        lower(boundOf(dequantize.getScheme()));
    auto linear = dyn_cast<graph::LinearOp>(op);
    if (linear && linear.getSparse24())
      lower(kSparse);
    else if (linear && place.isRewritten)
      lower(kClipped);
    if (auto attention = dyn_cast<graph::AttentionOp>(op))
      if (auto cache = symbols.lookupNearestSymbolFrom<graph::KvCacheOp>(op, attention.getCacheAttr());
          cache && !isa<Float32Type, BFloat16Type>(cache.getElementType()))
        lower(kEightBits);
    bool isQuantized = linear && linear.getW().getDefiningOp<graph::DequantizeOp>();
    isBehindQuantized |= isQuantized;
    if (asked && (isQuantized || (isBehindQuantized && *asked < current.decibels)))
      return {*asked, current.channelDecibels + std::min(0.0, *asked - current.decibels),
              current.reason + ", --verify-numerics-bound", true};
    return current;
  }

private:
  void lower(Bound bound) {
    if (bound.decibels < current.decibels)
      current = bound;
  }

  ModuleOp module;
  std::optional<double> asked;
  SymbolTableCollection symbols;
  Bound current = kFloat; ///< of the formats so far
  bool isBehindQuantized = false;
};

} // namespace

std::vector<Bound> findBounds(ModuleOp module, ArrayRef<Place> places, std::optional<double> asked) {
  BoundFinder finder(module, asked);
  std::vector<Bound> bounds;
  for (const Place &place : places)
    bounds.push_back(finder.next(place));
  return bounds;
}

} // namespace qcc::numerics
