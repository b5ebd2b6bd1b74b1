//===- VerifyPhase.cpp - What holds after the import and quantize phases --===//

#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_VERIFYIMPORTPASS
#define GEN_PASS_DEF_VERIFYQUANTIZEPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

/// Collects what is illegal after a phase, so that all of it is reported.
class PhaseChecker {
public:
  PhaseChecker(ModuleOp module, StringRef phase) : phase(phase), module(module) {
    function = module.lookupSymbol<func::FuncOp>("forward");
    if (!function)
      reject(module) << "no function 'forward'";
    if (!module->hasAttr("graph.model"))
      reject(module) << "no attribute graph.model";
  }

  InFlightDiagnostic reject(Operation *op) {
    isLegal = false;
    return op->emitError() << "illegal after the " << phase << " phase: ";
  }

  /// The interface of a step (docs/architecture.md), and only graph ops in the body.
  void checkFunction() {
    auto tensor = [&](int64_t rank) {
      return RankedTensorType::get(SmallVector<int64_t>(rank, ShapedType::kDynamic),
                                   IntegerType::get(function.getContext(), 32));
    };
    SmallVector<Type> inputs(7, tensor(1));
    inputs[5] = tensor(2);
    if (function.getArgumentTypes() != ArrayRef<Type>(inputs))
      reject(function)
          << "forward must take tokens, positions, slots, seq_starts, context_lens, block_tables and logit_rows";
    auto logits =
        function.getNumResults() == 2 ? dyn_cast<RankedTensorType>(function.getResultTypes()[0]) : RankedTensorType();
    if (!logits || logits.getRank() != 2 || !logits.getElementType().isF32() ||
        function.getResultTypes()[1] != tensor(1))
      reject(function) << "forward must return f32 logits [R, V] and i32 next tokens [R]";
    for (Operation &op : function.getBody().front())
      if (!isa<func::ReturnOp>(op) && !isa<graph::GraphDialect>(op.getDialect()))
        reject(&op) << "expected a graph op";
  }

  StringRef phase;
  ModuleOp module;
  func::FuncOp function;
  bool isLegal = true;
};

Type elementOf(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor ? tensor.getElementType() : Type();
}

struct VerifyImportPass : impl::VerifyImportPassBase<VerifyImportPass> {
  void runOnOperation() override {
    PhaseChecker checker(getOperation(), "import");
    if (checker.function) {
      checker.checkFunction();
      checkBody(checker);
    }
    for (Operation &op : getOperation().getBody()->getOperations()) {
      if (isa<graph::DerivedOp>(op))
        checker.reject(&op) << "nothing is derived yet";
      auto cache = dyn_cast<graph::KvCacheOp>(op);
      if (cache && !cache.getElementType().isF32())
        checker.reject(cache) << "the cache must be f32, is " << cache.getElementType();
    }
    if (!checker.isLegal)
      signalPassFailure();
  }

  static void checkBody(PhaseChecker &checker) {
    llvm::StringSet<> names;
    checker.function.walk([&](Operation *op) {
      if (isa<graph::QuantizeOp, graph::DequantizeOp, graph::PackOp>(op))
        checker.reject(op) << "quantization belongs to the next phase";
      if (!isa<graph::GetOp>(op))
        for (Value result : op->getResults())
          if (Type element = elementOf(result); element && isa<FloatType>(element) && !element.isF32())
            checker.reject(op) << "float results must be f32, one is " << result.getType();
      if (auto linear = dyn_cast<graph::LinearOp>(op);
          linear && (!linear.getName() || !names.insert(*linear.getName()).second))
        checker.reject(op) << "every linear must have a name of its own";
    });
  }
};

struct VerifyQuantizePass : impl::VerifyQuantizePassBase<VerifyQuantizePass> {
  void runOnOperation() override {
    PhaseChecker checker(getOperation(), "quantize");
    if (checker.function) {
      checker.checkFunction();
      checker.function.walk([&](Operation *op) { checkOp(checker, op); });
    }
    for (auto cache : getOperation().getOps<graph::KvCacheOp>())
      if (!isa<BFloat16Type, Float8E4M3FNType>(cache.getElementType()) && !cache.getElementType().isInteger(8))
        checker.reject(cache) << "the cache must be bf16, f8E4M3FN or i8, is " << cache.getElementType()
                              << "; run qcc-set-kv-cache";
    if (!checker.isLegal)
      signalPassFailure();
  }

  static void checkDequantize(PhaseChecker &checker, graph::DequantizeOp dequantize) {
    if (dequantize.getZeros() && !dequantize.getZeros().getDefiningOp<graph::GetOp>())
      checker.reject(dequantize) << "zero points are for stored weights only";
    for (OpOperand &use : dequantize.getY().getUses()) {
      Operation *user = use.getOwner();
      if (!isa<graph::LinearOp>(user) && !(isa<graph::EmbeddingOp>(user) && use.getOperandNumber() == 1))
        checker.reject(user) << "dequantized values are for linears and tables of embeddings only";
    }
  }

  static void checkOp(PhaseChecker &checker, Operation *op) {
    if (auto get = dyn_cast<graph::GetOp>(op)) {
      if (!SymbolTable::lookupNearestSymbolFrom<graph::DerivedOp>(op, get.getSymbolAttr()))
        checker.reject(op) << "forward must read derivations, not parameters";
      return;
    }
    if (auto linear = dyn_cast<graph::LinearOp>(op)) {
      Value weight = linear.getW();
      if (auto dequantize = weight.getDefiningOp<graph::DequantizeOp>())
        weight = dequantize.getCodes();
      if (!weight.getDefiningOp<graph::GetOp>())
        checker.reject(op) << "a linear's weight must come from graph.get, directly or dequantized";
    }
    if (isa<graph::ObserveOp>(op)) {
      checker.reject(op) << "calibration is over";
      return;
    }
    if (auto embedding = dyn_cast<graph::EmbeddingOp>(op)) {
      auto dequantize = embedding.getTable().getDefiningOp<graph::DequantizeOp>();
      if (dequantize && !dequantize.getCodes().getDefiningOp<graph::GetOp>())
        checker.reject(op) << "an embedding's table must come from graph.get, directly or dequantized";
    }
    if (auto dequantize = dyn_cast<graph::DequantizeOp>(op)) {
      checkDequantize(checker, dequantize);
      return;
    }
    if (isa<graph::QuantizeOp>(op))
      return;
    for (Value result : op->getResults()) {
      Type element = elementOf(result);
      bool isReturned = llvm::any_of(result.getUsers(), llvm::IsaPred<func::ReturnOp>);
      if (element && isa<FloatType>(element) && !element.isBF16() && !isReturned)
        checker.reject(op) << "float results must be bf16, one is " << result.getType() << "; run qcc-lower-precision";
    }
  }
};

} // namespace
} // namespace qcc
