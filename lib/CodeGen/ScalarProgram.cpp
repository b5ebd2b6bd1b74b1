//===- ScalarProgram.cpp - Printer, evaluation and check ------------------===//

#include "qcc/CodeGen/ScalarProgram.h"

#include "qcc/Quant/Formats.h"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace qcc::codegen {
namespace {

int arity(ScalarOp op) {
  switch (op) {
  case ScalarOp::Constant:
    return 0;
  case ScalarOp::Add:
  case ScalarOp::Sub:
  case ScalarOp::Mul:
  case ScalarOp::Div:
  case ScalarOp::Max:
  case ScalarOp::Min:
    return 2;
  case ScalarOp::Neg:
  case ScalarOp::Exp:
  case ScalarOp::Tanh:
  case ScalarOp::Erf:
  case ScalarOp::Sqrt:
  case ScalarOp::Rsqrt:
  case ScalarOp::RoundBF16:
    return 1;
  }
  return 0;
}

std::string value(int32_t number) { return "v" + std::to_string(number); }

/// A hexadecimal literal: the device gets exactly this f32.
std::string literal(float constant) {
  char text[40];
  std::snprintf(text, sizeof text, "%af", double(constant));
  return text;
}

std::string expression(const ScalarInst &inst) {
  std::string a = value(inst.a), b = value(inst.b);
  switch (inst.op) {
  case ScalarOp::Constant:
    return literal(inst.constant);
  // Intrinsics that name their rounding are never contracted into fma: the program means one rounding per instruction.
  case ScalarOp::Add:
    return "__fadd_rn(" + a + ", " + b + ")";
  case ScalarOp::Sub:
    return "__fsub_rn(" + a + ", " + b + ")";
  case ScalarOp::Mul:
    return "__fmul_rn(" + a + ", " + b + ")";
  case ScalarOp::Div:
    return "__fdiv_rn(" + a + ", " + b + ")";
  // IEEE 754-2019 maximum and minimum, as arith.maximumf and arith.minimumf: NaN wins.
  case ScalarOp::Max:
    return "(" + a + " != " + a + " ? " + a + " : " + b + " != " + b + " ? " + b + " : fmaxf(" + a + ", " + b + "))";
  case ScalarOp::Min:
    return "(" + a + " != " + a + " ? " + a + " : " + b + " != " + b + " ? " + b + " : fminf(" + a + ", " + b + "))";
  case ScalarOp::Neg:
    return "-" + a;
  case ScalarOp::Exp:
    return "expf(" + a + ")";
  case ScalarOp::Tanh:
    return "tanhf(" + a + ")";
  case ScalarOp::Erf:
    return "erff(" + a + ")";
  case ScalarOp::Sqrt:
    return "__fsqrt_rn(" + a + ")";
  case ScalarOp::Rsqrt:
    return "__fdiv_rn(1.0f, __fsqrt_rn(" + a + "))";
  case ScalarOp::RoundBF16:
    return "qcc::roundToBF16(" + a + ")";
  }
  return "";
}

float apply(const ScalarInst &inst, float a, float b) {
  switch (inst.op) {
  case ScalarOp::Constant:
    return inst.constant;
  case ScalarOp::Add:
    return a + b;
  case ScalarOp::Sub:
    return a - b;
  case ScalarOp::Mul:
    return a * b;
  case ScalarOp::Div:
    return a / b;
  case ScalarOp::Max:
    return std::isnan(a) ? a : std::isnan(b) ? b : std::fmax(a, b);
  case ScalarOp::Min:
    return std::isnan(a) ? a : std::isnan(b) ? b : std::fmin(a, b);
  case ScalarOp::Neg:
    return -a;
  case ScalarOp::Exp:
    return std::exp(a);
  case ScalarOp::Tanh:
    return std::tanh(a);
  case ScalarOp::Erf:
    return std::erf(a);
  case ScalarOp::Sqrt:
    return std::sqrt(a);
  case ScalarOp::Rsqrt:
    return 1.0f / std::sqrt(a);
  case ScalarOp::RoundBF16:
    return quant::roundToBF16(a);
  }
  return a;
}

} // namespace

bool ScalarProgram::operator==(const ScalarProgram &other) const {
  if (numInputs != other.numInputs || result != other.result || body.size() != other.body.size())
    return false;
  for (size_t i = 0; i < body.size(); ++i) {
    const ScalarInst &x = body[i], &y = other.body[i];
    // Bits, not values: +0 and -0 differ.
    if (x.op != y.op || x.a != y.a || x.b != y.b || std::memcmp(&x.constant, &y.constant, sizeof x.constant) != 0)
      return false;
  }
  return true;
}

std::string printFunctor(const ScalarProgram &program, const std::string &structName) {
  std::string text = "struct " + structName + " {\n  __device__ static float apply(";
  for (int32_t i = 0; i < program.numInputs; ++i)
    text += (i ? ", float " : "float ") + value(i);
  text += ") {\n";
  for (size_t i = 0; i < program.body.size(); ++i)
    text += "    float " + value(program.numInputs + int32_t(i)) + " = " + expression(program.body[i]) + ";\n";
  return text + "    return " + value(program.result) + ";\n  }\n};";
}

float evaluate(const ScalarProgram &program, const std::vector<float> &inputs) {
  std::vector<float> values = inputs;
  for (const ScalarInst &inst : program.body) {
    int operands = arity(inst.op);
    values.push_back(apply(inst, operands > 0 ? values[inst.a] : 0, operands > 1 ? values[inst.b] : 0));
  }
  return values[program.result];
}

std::string check(const ScalarProgram &program) {
  if (program.numInputs < 0)
    return "scalar program: " + std::to_string(program.numInputs) + " inputs; there must be 0 or more";
  for (size_t i = 0; i < program.body.size(); ++i) {
    const ScalarInst &inst = program.body[i];
    int32_t defined = program.numInputs + int32_t(i);
    const int32_t operands[] = {inst.a, inst.b};
    for (int j = 0; j < arity(inst.op); ++j)
      if (operands[j] < 0 || operands[j] >= defined)
        return "scalar program: instruction " + std::to_string(i) + " reads value " + std::to_string(operands[j]) +
               "; it must be one of the " + std::to_string(defined) + " defined before";
    if (inst.op == ScalarOp::Constant && !std::isfinite(inst.constant))
      return "scalar program: the constant of instruction " + std::to_string(i) + " must be finite";
  }
  int64_t defined = int64_t(program.numInputs) + int64_t(program.body.size());
  if (program.result < 0 || program.result >= defined)
    return "scalar program: result " + std::to_string(program.result) + " must be one of the " +
           std::to_string(defined) + " values";
  return "";
}

} // namespace qcc::codegen
