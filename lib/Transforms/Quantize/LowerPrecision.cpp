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

/// `graph.derived @"name.bf16"`: the tensor of a symbol, cast where it has another type.
graph::DerivedOp deriveInBF16(OpBuilder &builder, Location loc, StringRef name, Type stored) {
  auto type = inBF16(stored);
  auto derived = graph::DerivedOp::create(builder, loc, (name + ".bf16").str(), TypeRange(type));
  OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
  Value value = graph::GetOp::create(body, loc, TypeRange(stored), name).getResult(0);
  if (value.getType() != type)
    value = graph::CastOp::create(body, loc, type, value);
  graph::YieldOp::create(body, loc, value);
  return derived;
}

/// Replaces a read of a symbol, and casts of it, by a read of the derivation.
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
        // A parameter, or what smoothing derived from one.
        Operation *symbol = symbols.lookup(get.getSymbol());
        Type stored = get->getNumResults() == 1 ? get.getResult(0).getType() : Type();
        if (!stored || !isFloatTensor(stored) || (isa<graph::DerivedOp>(symbol) && stored == inBF16(stored)))
          continue;
        graph::DerivedOp &derivation = derivations[symbol];
        if (!derivation) {
          OpBuilder builder(function);
          derivation = deriveInBF16(builder, symbol->getLoc(), get.getSymbol(), stored);
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
