//===- ScheduleAttention.cpp - RoPE, append and attention -----------------===//

#include "Scheduler.h"

using namespace mlir;

namespace qcc {
namespace {

/// Heads [T, heads, D] seen as columns of a projection's rows, before an optional per-head norm.
struct HeadColumns {
  Value base;
  int64_t offset = 0;
  graph::RmsNormOp norm;

  static std::optional<HeadColumns> of(Value heads) {
    HeadColumns columns;
    if (auto norm = heads.getDefiningOp<graph::RmsNormOp>()) {
      columns.norm = norm;
      heads = norm.getX();
    }
    auto reshape = heads.getDefiningOp<graph::ReshapeOp>();
    if (!reshape || cast<RankedTensorType>(reshape.getX().getType()).getRank() != 2)
      return std::nullopt;
    columns.base = reshape.getX();
    if (auto slice = columns.base.getDefiningOp<graph::SliceOp>(); slice && slice.getAxis() == 1) {
      columns.offset = slice.getBegin();
      columns.base = slice.getX();
    }
    return columns;
  }
};

graph::KvAppendOp appendOf(graph::AttentionOp attention) {
  for (Operation *op = attention->getPrevNode(); op; op = op->getPrevNode())
    if (auto append = dyn_cast<graph::KvAppendOp>(op);
        append && append.getCacheAttr() == attention.getCacheAttr() && append.getLayer() == attention.getLayer())
      return append;
  return {};
}

} // namespace

Value Scheduler::ropeTable(OpBuilder &builder, graph::RopeAttr rope, Location loc) {
  auto type = RankedTensorType::get({maxContext, rope.getSpec().dim / 2, 2}, builder.getF32Type());
  graph::DerivedOp table;
  for (auto derived : module.getOps<graph::DerivedOp>())
    if (derived->getAttr("qcc.rope") == rope)
      table = derived;
  if (!table) {
    OpBuilder at(function);
    table = graph::DerivedOp::create(at, loc, "rope_table", TypeRange(type));
    symbols.insert(table); // renames a second table
    table->setAttr("qcc.rope", rope);
    OpBuilder body = OpBuilder::atBlockEnd(&table.getBody().front());
    Value value = graph::RopeTableOp::create(body, loc, type, rope, body.getI64IntegerAttr(maxContext));
    graph::YieldOp::create(body, loc, ValueRange{value});
  }
  return graph::GetOp::create(builder, loc, TypeRange(type), FlatSymbolRefAttr::get(table.getSymNameAttr()))
      .getResult(0);
}

LogicalResult Scheduler::scheduleAttention(graph::AttentionOp op) {
  graph::KvAppendOp append = appendOf(op);
  if (!append)
    return op.emitError("no kv_append of this layer before it");
  auto qRope = op.getQ().getDefiningOp<graph::RopeOp>(), kRope = append.getK().getDefiningOp<graph::RopeOp>();
  if (!qRope || !kRope || qRope.getRope() != kRope.getRope() || qRope.getPositions() != kRope.getPositions())
    return op.emitError("q and k must come from the same rope for the append kernel");
  std::optional<HeadColumns> q = HeadColumns::of(qRope.getX()), k = HeadColumns::of(kRope.getX()),
                             v = HeadColumns::of(append.getV());
  if (!q || !k || !v || v->norm || bool(q->norm) != bool(k->norm) || (q->norm && q->norm.getEps() != k->norm.getEps()))
    return op.emitError("q, k and v must be reshaped columns of projections, with norms on q and k or on neither");

  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto qType = cast<RankedTensorType>(op.getQ().getType());
  int64_t heads = qType.getDimSize(1), headDim = qType.getDimSize(2),
          kvHeads = cast<RankedTensorType>(append.getK().getType()).getDimSize(1);
  auto rowsType = RankedTensorType::get({ShapedType::kDynamic, heads * headDim}, qType.getElementType());
  Value table = ropeTable(builder, qRope.getRope(), loc);
  int64_t offsets[] = {q->offset, k->offset, v->offset};
  auto rotate = kernel::RopeAppendOp::create(
      builder, loc, rowsType, q->base, k->base, v->base, builder.getDenseI64ArrayAttr(offsets),
      q->norm ? q->norm.getWeight() : Value(), k->norm ? k->norm.getWeight() : Value(),
      q->norm ? q->norm.getEpsAttr() : FloatAttr(), table, qRope.getPositions(), append.getSlots(), op.getCacheAttr(),
      op.getLayerAttr(), builder.getI64IntegerAttr(heads), builder.getI64IntegerAttr(kvHeads),
      builder.getI64IntegerAttr(headDim), ArrayAttr());
  auto attention = kernel::AttentionOp::create(
      builder, loc, rowsType, rotate.getRotated(), op.getSeqStarts(), op.getContextLens(), op.getBlockTables(),
      op.getCacheAttr(), op.getLayerAttr(), builder.getI64IntegerAttr(heads), builder.getI64IntegerAttr(kvHeads),
      builder.getI64IntegerAttr(headDim), op.getScaleAttr(), op.getWindowAttr(), ArrayAttr());
  for (Operation *user : llvm::make_early_inc_range(op->getUsers())) {
    auto reshape = dyn_cast<graph::ReshapeOp>(user);
    if (!reshape || reshape.getY().getType() != rowsType)
      return op.emitError("its result must be reshaped to rows of heads * head_dim columns");
    reshape.getY().replaceAllUsesWith(attention.getY());
    reshape.erase();
  }
  append.erase();
  op.erase();
  return success();
}

} // namespace qcc
