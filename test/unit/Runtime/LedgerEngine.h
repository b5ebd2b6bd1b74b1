//===- LedgerEngine.h - A model whose answers are known -----------*- C++ -*-===//
//
// An engine file of the model in ledger.cu: the next token is the sum over the context of (position + 1) * token,
// modulo 301. Its kernels are real PTX that use every input, the K/V pages, an arena buffer and two cases, so that the
// runtime's bookkeeping is tested without the compiler.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TEST_UNIT_RUNTIME_LEDGERENGINE_H
#define QCC_TEST_UNIT_RUNTIME_LEDGERENGINE_H

#include "qcc/Engine/EngineFile.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace ledger {

inline constexpr int kVocabulary = 301, kContext = 60, kTokens = 24, kSequences = 3, kRows = 10, kPage = 16;

/// The model itself, in the plainest way.
inline int32_t nextToken(const std::vector<int32_t> &context) {
  uint32_t sum = 0;
  for (size_t p = 0; p < context.size(); ++p)
    sum += uint32_t(context[p]) * uint32_t(p + 1);
  return int32_t(sum % kVocabulary);
}

/// Steps whose longest run is one token take their base logits from constant "base_decode", others from "base_prefill".
inline float logit(const std::vector<int32_t> &context, int32_t token, bool decode) {
  return (decode ? 1000.0f : 0.0f) + float(token) * 0.25f + (token == nextToken(context) ? 100.0f : 0.0f);
}

inline std::string ptx() {
  std::ifstream file(LEDGER_PTX, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline qcc::engine_file::Plan plan() {
  using namespace qcc::engine_file;
  using Kind = Arg::Kind;
  Plan plan;
  plan.compiler = "test";
  plan.options = "ledger";
  plan.model.name = "ledger";
  plan.model.architecture = "ledger";
  plan.model.vocabulary = kVocabulary;
  plan.model.byteVocabulary = true;
  plan.model.eosTokens = {300};
  plan.model.layers = 1;
  plan.model.kvHeads = 1;
  plan.model.headDim = 8;
  plan.model.pageSize = kPage;
  plan.model.maxContext = kContext;
  plan.model.maxTokens = kTokens;
  plan.model.maxSequences = kSequences;
  plan.model.maxLogitRows = kRows;
  plan.arenaBytes = 512;
  plan.buffers = {{"place", 256, kTokens * 4}};
  for (const char *symbol : {"ledger_append", "ledger_predict"}) {
    Kernel kernel;
    kernel.symbol = symbol;
    kernel.family = "ledger";
    kernel.config = "none";
    kernel.block = {32, 1, 1};
    kernel.source = "see ledger.cu";
    Image cubin{Image::Kind::Cubin,
                90,
                false,
                "\x7f"
                "ELF: no machine code, to be refused",
                20,
                0,
                0};
    Image image{Image::Kind::Ptx, 80, false, ptx(), 0, 0, 0};
    kernel.images = {cubin, image};
    plan.kernels.push_back(kernel);
  }
  auto input = [](uint32_t index) { return Arg{Kind::Input, index, 0, Size::None}; };
  auto size = [](Size which) { return Arg{Kind::Size, 0, 0, which}; };
  Arg k{Kind::KCache, 0, 0, Size::None}, v{Kind::VCache, 0, 0, Size::None}, place{Kind::Buffer, 0, 0, Size::None};
  Arg logits{Kind::Output, 0, 0, Size::None}, next{Kind::Output, 1, 0, Size::None};

  Launch append{
      0, {Dim{Size::T, 1, 32}, Dim{}, Dim{}}, {input(0), input(1), input(2), k, v, place, size(Size::T)}, "append"};
  auto predict = [&](uint32_t base) {
    return Launch{1,
                  {Dim{Size::R, 1, 32}, Dim{}, Dim{}},
                  {Arg{Kind::Constant, base, 0, Size::None}, k, v, place, input(3), input(4), input(5), input(6),
                   logits, next, size(Size::B), size(Size::P), size(Size::R)},
                  "predict"};
  };
  plan.steps = {Step{{Case{{}, {append}}}}, Step{{Case{{Bound{Size::Q, 1}}, {predict(1)}}, Case{{}, {predict(0)}}}}};
  return plan;
}

inline std::vector<qcc::engine_file::Constant> constants() {
  return {{"base_prefill", kVocabulary * 4, "f32", {kVocabulary}, "", "", ""},
          {"base_decode", kVocabulary * 4, "f32", {kVocabulary}, "head", "none", "rows"}};
}

/// Writes the engine; an empty string, or what went wrong.
inline std::string write(const std::string &path, const qcc::engine_file::Plan &plan = ledger::plan()) {
  auto writer = qcc::engine_file::EngineWriter::create(path, constants());
  if (!writer)
    return writer.error().message;
  for (size_t constant : {1, 0}) {
    std::vector<float> values;
    for (int i = 0; i < kVocabulary; ++i)
      values.push_back((constant ? 1000.0f : 0.0f) + float(i) * 0.25f);
    if (auto status = writer->writeConstant(constant, 0, std::as_bytes(std::span(values))); !status)
      return status.error().message;
  }
  auto status = writer->finish(plan);
  return status ? "" : status.error().message;
}

} // namespace ledger

#endif // QCC_TEST_UNIT_RUNTIME_LEDGERENGINE_H
