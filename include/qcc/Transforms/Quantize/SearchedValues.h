//===- SearchedValues.h - What searches found ---------------------*- C++ -*-===//
//
// Passes note the values they chose for a layer in the module attribute `qcc.searched`, and take those of
// QuantizeOptions::given instead of searching. qcc-record-recipe writes them down as `qcc: layers:` of the recipe:
//
//   damping, correction, order   of GPTQ (Quant/Gptq.h); order is activation or natural
//   smooth, awq                  of the pair that begins with the layer: "alpha 0.5", "ratio 0.35", "duo 0.35", "none"
//   clip                         whether AWQ's limits of weights are kept: true or false
//   input_scale                  of static activations, for all linears of the value that the layer reads first
//   kv_scale                     of fp8 keys or values of a layer of the cache, below its name in statistics: one for
//                                each head, or one for all
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TRANSFORMS_QUANTIZE_SEARCHEDVALUES_H
#define QCC_TRANSFORMS_QUANTIZE_SEARCHEDVALUES_H

#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace qcc {

inline constexpr llvm::StringLiteral kSearchedAttr = "qcc.searched";

void addSearched(mlir::ModuleOp module, const SearchedValues &values);
SearchedValues searchedOf(mlir::ModuleOp module);

/// The fewest digits that read back as the same number.
std::string exactly(double value);

/// A given value, or null.
const std::string *findGiven(const SearchedValues &given, const std::string &layer, const std::string &name);
/// Whether a value has the form that its name asks for; else what it must be.
Status checkSearched(const std::string &name, const std::string &value);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_SEARCHEDVALUES_H
