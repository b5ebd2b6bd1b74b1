//===- TestModule.h - IR text and weights in memory ---------------*- C++ -*-===//
#ifndef QCC_TEST_UNIT_INTERPRETER_TESTMODULE_H
#define QCC_TEST_UNIT_INTERPRETER_TESTMODULE_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

namespace qcc::test {

/// Tensors by name, whatever the file.
class MemorySource : public ParameterSource {
public:
  Expected<TensorView> find(std::string_view, std::string_view tensor) const override {
    auto found = tensors.find(std::string(tensor));
    if (found == tensors.end())
      return Error{"no tensor " + std::string(tensor)};
    return TensorView{found->second.type, found->second.shape, found->second.bytes};
  }
  template <typename Code>
  void add(const std::string &name, DType type, std::vector<int64_t> shape, const std::vector<Code> &codes) {
    std::vector<std::byte> bytes(codes.size() * sizeof(Code));
    std::memcpy(bytes.data(), codes.data(), bytes.size());
    tensors[name] = {type, std::move(shape), std::move(bytes)};
  }
  /// Standard normal f32 values times `scale`; returns them.
  std::vector<float> addRandom(const std::string &name, std::vector<int64_t> shape, float scale, unsigned seed) {
    size_t size = 1;
    for (int64_t extent : shape)
      size *= size_t(extent);
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(size);
    for (float &value : values)
      value = normal(engine) * scale;
    add(name, DType::F32, std::move(shape), values);
    return values;
  }

private:
  struct Stored {
    DType type;
    std::vector<int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Stored> tensors;
};

/// Parsed and verified; a test failure and null otherwise.
class TestModule {
public:
  explicit TestModule(const std::string &text) {
    context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
  }
  mlir::Operation *symbol(llvm::StringRef name) { return mlir::SymbolTable::lookupSymbolIn(*module, name); }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The signature of `forward` around a body that yields %logits (f32 [R, vocabulary]).
inline std::string forward(const std::string &symbols, const std::string &body, int vocabulary) {
  std::string logits = "tensor<?x" + std::to_string(vocabulary) + "xf32>";
  return symbols + R"(
func.func @forward(%tokens: tensor<?xi32> {graph.dims = ["T"]}, %positions: tensor<?xi32> {graph.dims = ["T"]},
    %slots: tensor<?xi32> {graph.dims = ["T"]}, %starts: tensor<?xi32> {graph.dims = ["B1"]},
    %lens: tensor<?xi32> {graph.dims = ["B"]}, %tables: tensor<?x?xi32> {graph.dims = ["B", "P"]},
    %rows: tensor<?xi32> {graph.dims = ["R"]}) -> ()" +
         logits + R"( {graph.dims = ["R"]}, tensor<?xi32> {graph.dims = ["R"]}) {
)" + body +
         R"(
  %next = graph.argmax %logits : )" +
         logits + R"( -> tensor<?xi32>
  return %logits, %next : )" +
         logits + R"(, tensor<?xi32>
}
)";
}

} // namespace qcc::test

#endif // QCC_TEST_UNIT_INTERPRETER_TESTMODULE_H
