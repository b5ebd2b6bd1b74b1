//===- ScheduleKernels.cpp - Graph ops to kernel ops ----------------------===//

#include "Scheduler.h"

#include "qcc/Transforms/Schedule/ModelInfo.h"
#include "qcc/Transforms/Schedule/Passes.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_SCHEDULEKERNELSPASS
#include "qcc/Transforms/Schedule/Passes.h.inc"

Value extendToF32(OpBuilder &builder, Location loc, Value value) {
  return value.getType().isF32() ? value : arith::ExtFOp::create(builder, loc, builder.getF32Type(), value).getResult();
}

Value roundTo(OpBuilder &builder, Location loc, Value value, Type type) {
  return value.getType() == type ? value : arith::TruncFOp::create(builder, loc, type, value).getResult();
}

namespace {

bool isElementwise(Operation *op) {
  return isa<graph::SiluOp, graph::ReluOp, graph::SigmoidOp, graph::TanhOp, graph::ExpOp, graph::NegOp, graph::SqrtOp,
             graph::RsqrtOp, graph::GeluOp, graph::AddOp, graph::SubOp, graph::MulOp, graph::DivOp, graph::MaxOp,
             graph::MinOp>(op);
}

/// Computed inside the kernel of its only user.
bool isInlined(Operation *op) {
  return op && isElementwise(op) && op->hasOneUse() &&
         (isElementwise(*op->getUsers().begin()) || isa<graph::QuantizeOp>(*op->getUsers().begin()));
}

bool isE4M3(graph::SchemeAttr scheme) { return isa<Float8E4M3FNType>(scheme.getStorage()); }

/// f8E4M3FN or i8 with f32 scales and nothing beside them.
bool isPlainBytes(graph::SchemeAttr scheme) {
  return (isE4M3(scheme) || scheme.getStorage().isInteger(8)) && scheme.getScale().isF32() && !scheme.getZeroPoint() &&
         !scheme.getSecond();
}

/// Codes that kernels can produce (codegen::ActQuant).
bool hasKernel(graph::QuantizeOp quantize) {
  graph::SchemeAttr scheme = quantize.getScheme();
  if (!isPlainBytes(scheme) || !cast<RankedTensorType>(quantize.getX().getType()).getElementType().isBF16())
    return false;
  switch (scheme.getGranularity()) {
  case graph::Granularity::token:
    return !quantize.getScale();
  case graph::Granularity::group:
    return !quantize.getScale() && isE4M3(scheme) && scheme.getGroupSize() == 128;
  case graph::Granularity::tensor:
    return bool(quantize.getScale());
  default:
    return false;
  }
}

/// A table whose rows kernels can gather as they are stored. The product of code and scale is rounded once to the bf16
/// that the embedding yields, whether the table has that type or is f32.
bool isRowQuantized(graph::DequantizeOp dequantize) {
  graph::SchemeAttr scheme = dequantize.getScheme();
  Type element = cast<RankedTensorType>(dequantize.getY().getType()).getElementType();
  return isPlainBytes(scheme) && scheme.getGranularity() == graph::Granularity::channel &&
         (element.isBF16() || element.isF32());
}

bool isKernelQuantize(Operation *op) {
  auto quantize = dyn_cast<graph::QuantizeOp>(op);
  return quantize && hasKernel(quantize);
}

/// Writes an elementwise graph op as scalar ops in f32.
class BodyWriter {
public:
  BodyWriter(OpBuilder &builder, Location loc) : b(builder), loc(loc) {}

  FailureOr<Value> write(Operation *op, ValueRange in) {
    auto binary = [&]<typename T>(T) { return T::create(b, loc, in[0], in[1]).getResult(); };
    auto unary = [&]<typename T>(T) { return T::create(b, loc, in[0]).getResult(); };
    if (isa<graph::AddOp>(op))
      return binary(arith::AddFOp());
    if (isa<graph::SubOp>(op))
      return binary(arith::SubFOp());
    if (isa<graph::MulOp>(op))
      return binary(arith::MulFOp());
    if (isa<graph::DivOp>(op))
      return binary(arith::DivFOp());
    if (isa<graph::MaxOp>(op))
      return binary(arith::MaximumFOp());
    if (isa<graph::MinOp>(op))
      return binary(arith::MinimumFOp());
    if (isa<graph::NegOp>(op))
      return unary(arith::NegFOp());
    if (isa<graph::ExpOp>(op))
      return unary(math::ExpOp());
    if (isa<graph::TanhOp>(op))
      return unary(math::TanhOp());
    if (isa<graph::SqrtOp>(op))
      return unary(math::SqrtOp());
    if (isa<graph::RsqrtOp>(op))
      return unary(math::RsqrtOp());
    if (isa<graph::ReluOp>(op))
      return arith::MaximumFOp::create(b, loc, in[0], constant(0)).getResult();
    if (isa<graph::SigmoidOp>(op))
      return arith::DivFOp::create(b, loc, constant(1), onePlusExpNeg(in[0])).getResult();
    if (isa<graph::SiluOp>(op))
      return arith::DivFOp::create(b, loc, in[0], onePlusExpNeg(in[0])).getResult();
    if (auto gelu = dyn_cast<graph::GeluOp>(op))
      return gelu.getApproximate() ? tanhGelu(in[0]) : erfGelu(in[0]);
    return op->emitError("has no scalar form"), failure();
  }

private:
  Value constant(double value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(float(value))); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value onePlusExpNeg(Value x) {
    return add(constant(1), math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, x)));
  }
  /// 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))
  Value tanhGelu(Value x) {
    Value cubic = mul(mul(x, x), mul(x, constant(0.044715)));
    Value inner = mul(constant(0.7978845608028654), add(x, cubic));
    return mul(mul(constant(0.5), x), add(constant(1), math::TanhOp::create(b, loc, inner)));
  }
  /// 0.5 x (1 + erf(x / sqrt 2))
  Value erfGelu(Value x) {
    return mul(mul(constant(0.5), x),
               add(constant(1), math::ErfOp::create(b, loc, mul(x, constant(0.7071067811865476)))));
  }

  OpBuilder &b;
  Location loc;
};

/// Collects the leaves of a point-wise chain as kernel inputs and writes its body.
class PointwiseFuser {
public:
  explicit PointwiseFuser(OpBuilder &body) : body(body) {}

  FailureOr<Value> emit(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !isElementwise(op) || (op != root && !isInlined(op)))
      return leaf(value);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (operand.getType() != op->getResult(0).getType())
        return op->emitError("broadcast along rows has no point-wise kernel yet; both operands must have the same "
                             "shape and type"),
               failure();
      FailureOr<Value> scalar = emit(operand);
      if (failed(scalar))
        return failure();
      operands.push_back(extendToF32(body, op->getLoc(), *scalar));
    }
    FailureOr<Value> result = BodyWriter(body, op->getLoc()).write(op, operands);
    if (failed(result))
      return failure();
    return roundTo(body, op->getLoc(), *result, body.getBF16Type());
  }

  Operation *root = nullptr;
  SmallVector<Value> inputs;
  SmallVector<int64_t> offsets;

private:
  Value leaf(Value value) {
    int64_t offset = 0;
    if (auto slice = value.getDefiningOp<graph::SliceOp>(); slice && slice.getAxis() == 1) {
      offset = slice.getBegin();
      value = slice.getX();
    }
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] == value && offsets[i] == offset)
        return body.getBlock()->getArgument(i);
    inputs.push_back(value);
    offsets.push_back(offset);
    return body.getBlock()->addArgument(body.getBF16Type(), value.getLoc());
  }

  OpBuilder &body;
};

} // namespace

kernel::SizeAttr Scheduler::rows(Operation *op) { return kernel::SizeAttr::get(op->getContext(), rowSizes.lookup(op)); }

void Scheduler::scheduleNorm(graph::RmsNormOp op) {
  OpBuilder builder(op);
  // One kernel for each way in which the result is quantized, then one for bf16 where that is wanted too.
  llvm::MapVector<std::pair<Attribute, Value>, SmallVector<graph::QuantizeOp>> quantized;
  for (Operation *user : op->getUsers())
    if (isKernelQuantize(user)) {
      auto quantize = cast<graph::QuantizeOp>(user);
      quantized[{quantize.getScheme(), quantize.getScale()}].push_back(quantize);
    }
  for (auto &[key, quantizes] : quantized) {
    graph::QuantizeOp first =
        *llvm::min_element(quantizes, [](graph::QuantizeOp a, graph::QuantizeOp b) { return a->isBeforeInBlock(b); });
    OpBuilder at(first); // a given scale may be read only just before
    auto kernelOp = kernel::NormalizeOp::create(
        at, op.getLoc(), first.getCodes().getType(), first.getScales() ? first.getScales().getType() : Type(), Type(),
        op.getX(), op.getWeight(), Value(), first.getScale(), op.getEpsAttr(), rows(op), ArrayAttr());
    for (graph::QuantizeOp quantize : quantizes) {
      quantize.replaceAllUsesWith(kernelOp->getResults().take_front(quantize->getNumResults()));
      quantize.erase();
    }
  }
  if (op.use_empty())
    return;
  auto kernelOp = kernel::NormalizeOp::create(builder, op.getLoc(), op.getY().getType(), Type(), Type(), op.getX(),
                                              op.getWeight(), Value(), Value(), op.getEpsAttr(), rows(op), ArrayAttr());
  op.getY().replaceAllUsesWith(kernelOp.getY());
}

LogicalResult Scheduler::schedulePointwise(Operation *root) {
  OpBuilder builder(root);
  auto quantize = dyn_cast<graph::QuantizeOp>(root);
  Value source = quantize ? Value(quantize.getX()) : Value(root->getResult(0));
  auto region = std::make_unique<Region>();
  // The region has no parent op yet, so the context must be given.
  OpBuilder body(root->getContext());
  body.setInsertionPointToEnd(&region->emplaceBlock());
  PointwiseFuser fuser(body);
  fuser.root = quantize ? nullptr : root;
  FailureOr<Value> result = fuser.emit(source);
  if (failed(result))
    return failure();
  kernel::YieldOp::create(body, root->getLoc(), *result);
  Value scales = quantize ? quantize.getScales() : Value();
  auto kernelOp = kernel::PointwiseOp::create(
      builder, root->getLoc(), root->getResult(0).getType(), scales ? scales.getType() : Type(), fuser.inputs,
      quantize ? quantize.getScale() : Value(), builder.getDenseI64ArrayAttr(fuser.offsets), rows(root), ArrayAttr());
  kernelOp.getBody().takeBody(*region);
  root->replaceAllUsesWith(kernelOp->getResults().take_front(root->getNumResults()));
  return success();
}

void Scheduler::scheduleRest() {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    OpBuilder builder(&op);
    Operation *kernelOp = nullptr;
    if (auto embedding = dyn_cast<graph::EmbeddingOp>(op)) {
      Value table = embedding.getTable(), scale;
      if (auto dequantize = table.getDefiningOp<graph::DequantizeOp>(); dequantize && isRowQuantized(dequantize)) {
        table = dequantize.getCodes();
        scale = dequantize.getScales();
      }
      kernelOp = kernel::GatherOp::create(builder, op.getLoc(), embedding.getY().getType(), table, scale,
                                          embedding.getIds(), rows(&op), ArrayAttr());
    } else if (auto gather = dyn_cast<graph::GatherRowsOp>(op))
      kernelOp = kernel::GatherOp::create(builder, op.getLoc(), gather.getY().getType(), gather.getX(), Value(),
                                          gather.getRows(), rows(&op), ArrayAttr());
    else if (auto argmax = dyn_cast<graph::ArgmaxOp>(op))
      kernelOp = kernel::ArgmaxOp::create(builder, op.getLoc(), argmax.getY().getType(), argmax.getX(), rows(&op),
                                          ArrayAttr());
    if (kernelOp)
      op.replaceAllUsesWith(kernelOp->getResults());
  }
}

static void refuse(Operation &op) {
  if (auto quantize = dyn_cast<graph::QuantizeOp>(op)) {
    op.emitError() << "no kernel quantizes " << quantize.getX().getType() << " to " << quantize.getScheme()
                   << (quantize.getScale() ? " with a given scale" : "")
                   << "; kernels quantize bf16 to f8E4M3FN and i8 per token (dynamic) or per tensor (given scale), and "
                      "to f8E4M3FN in groups of 128 (dynamic), with f32 scales";
    return;
  }
  if (auto dequantize = dyn_cast<graph::DequantizeOp>(op)) {
    op.emitError() << "no kernel reads " << dequantize.getScheme()
                   << " here; products read dequantized weights and activations, and embeddings tables of f8E4M3FN or "
                      "i8 per channel with f32 scales, dequantized to bf16 or f32";
    return;
  }
  op.emitError("has no kernel in this form; kernels exist for linear, attention over the cache, rms_norm of rows, "
               "point-wise chains of equal shapes, embedding, gather_rows and argmax");
}

LogicalResult Scheduler::eraseDead() {
  Block &body = function.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (op.use_empty() && isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>())
      op.erase();
  LogicalResult result = success();
  for (Operation &op : body)
    if (isa<graph::GraphDialect>(op.getDialect()) && !isa<graph::GetOp>(op)) {
      refuse(op);
      result = failure();
    }
  return result;
}

LogicalResult Scheduler::run() {
  Block &body = function.getBody().front();
  for (Operation &op : body) {
    kernel::Size size = kernel::Size::T;
    if (isa<graph::GatherRowsOp>(op))
      size = kernel::Size::R;
    else if (op.getNumOperands() && op.getOperand(0).getDefiningOp())
      size = rowSizes.lookup(op.getOperand(0).getDefiningOp());
    rowSizes[&op] = size;
  }
  auto all = [&]<typename OpT>(auto step) {
    SmallVector<OpT> ops(body.getOps<OpT>());
    LogicalResult result = success();
    for (OpT op : ops)
      if (failed(step(op)))
        result = failure();
    return result;
  };
  if (failed(all.operator()<graph::AttentionOp>([&](auto op) { return scheduleAttention(op); })) ||
      failed(all.operator()<graph::LinearOp>([&](auto op) { return scheduleLinear(op); })))
    return failure();
  (void)all.operator()<graph::RmsNormOp>([&](graph::RmsNormOp op) {
    if (!op.use_empty() && cast<RankedTensorType>(op.getX().getType()).getRank() == 2)
      scheduleNorm(op);
    return success();
  });
  SmallVector<Operation *> roots;
  for (Operation &op : body)
    if (isKernelQuantize(&op) || (isElementwise(&op) && !op.use_empty() && !isInlined(&op)))
      roots.push_back(&op);
  for (Operation *root : roots)
    if (failed(schedulePointwise(root)))
      return failure();
  scheduleRest();
  return eraseDead();
}

int64_t Scheduler::kernelsCreated() const {
  return llvm::count_if(const_cast<func::FuncOp &>(function).getBody().front(),
                        [](Operation &op) { return isa<kernel::KernelDialect>(op.getDialect()); });
}

namespace {

struct ScheduleKernelsPass : impl::ScheduleKernelsPassBase<ScheduleKernelsPass> {
  using ScheduleKernelsPassBase::ScheduleKernelsPassBase;

  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (!function) {
      getOperation().emitError("has no function 'forward'");
      return signalPassFailure();
    }
    if (failed(requireModel(getOperation())))
      return signalPassFailure();
    Scheduler scheduler(getOperation(), function, maxContext ? maxContext : modelContext(getOperation()));
    if (failed(scheduler.run()))
      return signalPassFailure();
    kernels += scheduler.kernelsCreated();
  }
};

} // namespace
} // namespace qcc
