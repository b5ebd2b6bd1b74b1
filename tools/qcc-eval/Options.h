//===- Options.h - Command line of qcc-eval -----------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_EVAL_OPTIONS_H
#define QCC_TOOLS_QCC_EVAL_OPTIONS_H

#include "NumericsFlags.h"
#include "qcc/Interpreter/Interpreter.h"
#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/Recipe.h"

#include <optional>
#include <string>
#include <vector>

namespace qcc::eval {

/// One way to compute the model: without quantize options it is the imported f32 graph.
struct Variant {
  std::string name; ///< "float", "fp8", …, and the method where one was named; "recipe"
  std::optional<QuantizeOptions> quantize;
  std::optional<Recipe> recipe{}; ///< that `quantize` is from
  tools::Numerics numerics{};
};

struct Options {
  std::string model;
  std::vector<Variant> variants;
  std::string kvName; ///< "bf16", "fp8" or "int8", of the quantized variants

  std::string recipeFile;
  bool explainRecipe = false;  ///< and nothing else
  bool generates = false;      ///< else: compares on held-out tokens
  std::vector<int32_t> tokens; ///< the prompt
  std::string logits;          ///< .npy to write; empty: none
  int64_t maxNew = 0;

  std::string text, tokensFile;        ///< held-out tokens; one of them
  int64_t window = 0;                  ///< 0: the smaller of 512 and the model's context
  std::vector<std::string> logitsFrom; ///< files to compare beside the variants
  bool layers = false;                 ///< per-layer signal to noise

  bool ignoreEos = false;
  bool json = false;
  bool progress = false;
  interp::Precision precision = interp::Precision::F32;
};

/// Parses and checks argv; prints --help or --version itself and exits 0 then.
Expected<Options> parseCommandLine(int argc, char **argv);

} // namespace qcc::eval

#endif // QCC_TOOLS_QCC_EVAL_OPTIONS_H
