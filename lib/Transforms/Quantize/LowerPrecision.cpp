//===- LowerPrecision.cpp - Compute in bf16 -------------------------------===//

#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_LOWERPRECISIONPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

RankedTensorType inBF16(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), BFloat16Type::get(type.getContext()));
}

/// `graph.derived @"name.bf16"`: the parameter, cast where it is stored otherwise.
graph::DerivedOp deriveInBF16(OpBuilder &builder, Location loc, graph::ParameterOp parameter) {
  auto type = inBF16(parameter.getType());
  auto derived = graph::DerivedOp::create(builder, loc, (parameter.getSymName() + ".bf16").str(), TypeRange(type));
  OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
  Value value = graph::GetOp::create(body, loc, TypeRange(parameter.getType()), parameter.getSymName()).getResult(0);
  if (value.getType() != type)
    value = graph::CastOp::create(body, loc, type, value);
  graph::YieldOp::create(body, loc, value);
  return derived;
}

/// Replaces a read of a parameter, and casts of it, by a read of the derivation.
void readDerived(graph::GetOp get, graph::DerivedOp derived) {
  OpBuilder builder(get);
  Value value = graph::GetOp::create(builder, get.getLoc(), TypeRange(derived.getDerivedType(0)), derived.getSymName())
                    .getResult(0);
  for (Operation *user : llvm::make_early_inc_range(get.getResult(0).getUsers()))
    if (auto cast = dyn_cast<graph::CastOp>(user)) {
      cast.getY().replaceAllUsesWith(value);
      cast.erase();
    }
  get.getResult(0).replaceAllUsesWith(value);
  get.erase();
}

struct LowerPrecisionPass : impl::LowerPrecisionPassBase<LowerPrecisionPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::DenseMap<Operation *, graph::DerivedOp> derivations;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      // Collected first: replacing a get also erases the casts behind it, which a walk would visit next.
      llvm::SmallVector<graph::GetOp> gets;
      function.walk([&](graph::GetOp get) { gets.push_back(get); });
      for (graph::GetOp get : gets) {
        auto parameter = symbols.lookup<graph::ParameterOp>(get.getSymbol());
        if (!parameter || !isFloatTensor(parameter.getType()))
          continue;
        graph::DerivedOp &derivation = derivations[parameter];
        if (!derivation) {
          OpBuilder builder(function);
          derivation = deriveInBF16(builder, parameter.getLoc(), parameter);
          symbols.insert(derivation);
          ++derived;
        }
        readDerived(get, derivation);
      }
      lowerResults(function);
    }
  }

  void lowerResults(func::FuncOp function) {
    function.walk([&](Operation *op) {
      if (isa<graph::GetOp>(op))
        return;
      for (OpResult result : op->getResults()) {
        // The function's results are its interface: logits stay as they were declared.
        bool isReturned = llvm::any_of(result.getUsers(), llvm::IsaPred<func::ReturnOp>);
        if (isReturned || !isFloatTensor(result.getType()) || result.getType() == inBF16(result.getType()))
          continue;
        result.setType(inBF16(result.getType()));
        ++lowered;
      }
    });
  }
};

} // namespace
} // namespace qcc
