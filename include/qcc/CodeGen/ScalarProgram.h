//===- ScalarProgram.h - A fused scalar body ----------------------*- C++ -*-===//
//
// Straight-line scalar code of an epilogue or a point-wise body. Values are numbered: first the inputs, then one value
// per instruction. The compiler translates regions of arith/math ops into it; one printer turns it into a CUDA functor
// (ScalarProgram.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_SCALARPROGRAM_H
#define QCC_CODEGEN_SCALARPROGRAM_H

#include <cstdint>
#include <string>
#include <vector>

namespace qcc::codegen {

/// All arithmetic is f32; RoundBF16 rounds to bf16 (nearest even) and back: it stands for every bf16-typed value in the
/// IR.
enum class ScalarOp { Constant, Add, Sub, Mul, Div, Max, Min, Neg, Exp, Tanh, Erf, Sqrt, Rsqrt, RoundBF16 };

struct ScalarInst {
  ScalarOp op;
  int32_t a = -1, b = -1; ///< value numbers of the operands
  float constant = 0;
};

struct ScalarProgram {
  int32_t numInputs = 0;
  std::vector<ScalarInst> body;
  int32_t result = 0; ///< value number

  bool operator==(const ScalarProgram &) const;
};

/// Body of `__device__ static float apply(float v0, float v1, …)`: one statement per instruction.
std::string printFunctor(const ScalarProgram &program, const std::string &structName);
/// Host evaluation in f32, the meaning of the program in tests.
float evaluate(const ScalarProgram &program, const std::vector<float> &inputs);
/// Empty if well formed (operands defined before use, finite constants), else what is wrong.
std::string check(const ScalarProgram &program);

} // namespace qcc::codegen

#endif // QCC_CODEGEN_SCALARPROGRAM_H
