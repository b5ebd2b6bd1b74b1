//===- LowerToEngine.cpp - Kernel ops become launches, values become buffers ===//
//
// Order matters once: values get their places before launches are written, because a launch names places. Everything
// else follows the order of the function.
//
//===----------------------------------------------------------------------===//

#include "qcc/Transforms/Schedule/ArenaPlanner.h"
#include "qcc/Transforms/Schedule/KernelDescs.h"
#include "qcc/Transforms/Schedule/ModelInfo.h"
#include "qcc/Transforms/Schedule/Passes.h"

#include "qcc/CodeGen/Attention.h"
#include "qcc/Dialect/Engine/EngineDialect.h"
#include "qcc/Dialect/Graph/GraphDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_LOWERTOENGINEPASS
#include "qcc/Transforms/Schedule/Passes.h.inc"

namespace {

int64_t bytesOf(RankedTensorType type) {
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

class Lowering {
public:
  Lowering(ModuleOp module, const ModelLimits &limits) : module(module), limits(limits), builder(module.getContext()) {}

  LogicalResult run();
  int64_t kernelCount() const { return int64_t(kernels.size()); }

private:
  struct Launch {
    codegen::KernelInstance instance;
    codegen::KernelConfig config;
    StringRef family;
  };
  struct Case {
    DictionaryAttr bounds;
    std::vector<Launch> launches;
    int64_t maxSplits = 0; ///< of a decode attention, else 0
  };

  FailureOr<std::vector<Case>> instantiateCases(Operation *op);
  FailureOr<Launch> instantiate(Operation *op, const codegen::KernelDesc &desc, const codegen::KernelConfig &config);
  LogicalResult checkFunction(func::FuncOp function);
  LogicalResult boundContext(func::FuncOp function);
  void placeValues(func::FuncOp function);
  void placeConstants(func::FuncOp function);
  int64_t rowsLimit(Operation *op) { return rowsOf(op) == codegen::Size::R ? limits.maxLogitRows : limits.maxTokens; }
  Attribute addressOf(Value value);
  FailureOr<Attribute> addressOf(Operation *op, StringRef argument);
  Attribute cacheScale(graph::KvCacheOp cache, StringRef which, int64_t layer);
  LogicalResult emitLaunch(OpBuilder &at, Operation *op, const Launch &launch);
  void declareKernel(const Launch &launch);

  ModuleOp module;
  ModelLimits limits;
  OpBuilder builder;
  llvm::MapVector<Operation *, std::vector<Case>> cases;
  llvm::DenseMap<Value, Attribute> places;
  llvm::DenseMap<Operation *, Attribute> workspaces;
  llvm::StringMap<engine::KernelOp> kernels;
  llvm::DenseMap<Attribute, engine::ConstantOp> cacheScales;
  int64_t arenaBytes = 0;
};

FailureOr<Lowering::Launch> Lowering::instantiate(Operation *op, const codegen::KernelDesc &desc,
                                                  const codegen::KernelConfig &config) {
  std::string error;
  codegen::KernelInstance instance = codegen::instantiate(desc, config, rowsOf(op), error);
  if (!error.empty())
    return op->emitError(error), failure();
  return Launch{instance, config, codegen::familyOf(desc)};
}

FailureOr<std::vector<Lowering::Case>> Lowering::instantiateCases(Operation *op) {
  auto variants = op->getAttrOfType<ArrayAttr>("variants");
  if (!variants || variants.empty())
    return op->emitError("has no variants; run qcc-choose-variants first"), failure();
  std::vector<Case> result;
  for (auto variant : variants.getAsRange<kernel::VariantAttr>()) {
    Case one{variant.getBounds(), {}, 0};
    SmallVector<std::pair<codegen::KernelDesc, codegen::KernelConfig>, 2> kernelsOfCase;
    if (std::optional<DecodeConfig> decode = DecodeConfig::of(variant)) {
      auto attention = cast<kernel::AttentionOp>(op);
      one.maxSplits = decode->maxSplits;
      kernelsOfCase.push_back(
          {describeDecode(attention, codegen::AttentionDesc::Stage::DecodePartial, decode->maxSplits),
           decode->partial});
      kernelsOfCase.push_back(
          {describeDecode(attention, codegen::AttentionDesc::Stage::DecodeCombine, decode->maxSplits),
           decode->combine});
    } else {
      FailureOr<codegen::KernelDesc> desc = describe(op);
      if (failed(desc))
        return failure();
      kernelsOfCase.push_back({*desc, fromAttr(variant).config});
    }
    for (const auto &[desc, config] : kernelsOfCase) {
      FailureOr<Launch> launch = instantiate(op, desc, config);
      if (failed(launch))
        return failure();
      one.launches.push_back(*launch);
    }
    result.push_back(std::move(one));
  }
  return result;
}

void Lowering::placeConstants(func::FuncOp function) {
  SymbolTable symbols(module);
  llvm::MapVector<std::pair<StringRef, unsigned>, engine::ConstantOp> constants;
  function.walk([&](graph::GetOp get) {
    auto derived = symbols.lookup<graph::DerivedOp>(get.getSymbol());
    for (OpResult result : get->getResults()) {
      engine::ConstantOp &constant = constants[{get.getSymbol(), result.getResultNumber()}];
      if (!constant) {
        std::string name =
            (get.getSymbol() + ".const" + (get->getNumResults() > 1 ? "." + Twine(result.getResultNumber()) : Twine()))
                .str();
        auto text = [&](StringRef key) {
          auto list = derived->getAttrOfType<ArrayAttr>(key);
          return list && result.getResultNumber() < list.size() ? cast<StringAttr>(list[result.getResultNumber()])
                                                                : builder.getStringAttr("");
        };
        constant = engine::ConstantOp::create(builder, get.getLoc(), builder.getStringAttr(name), get.getSymbolAttr(),
                                              builder.getI64IntegerAttr(result.getResultNumber()), ElementsAttr(),
                                              TypeAttr::get(result.getType()),
                                              builder.getI64IntegerAttr(bytesOf(typeOf(result))), text("qcc.layers"),
                                              text("qcc.schemes"), text("qcc.layouts"));
      }
      places[result] =
          engine::ConstantArgAttr::get(builder.getContext(), FlatSymbolRefAttr::get(constant.getSymNameAttr()));
    }
  });
}

void Lowering::placeValues(func::FuncOp function) {
  MLIRContext *context = builder.getContext();
  for (auto [argument, name] : llvm::zip_equal(function.getArguments(), entryInputs()))
    places[argument] = engine::InputArgAttr::get(context, name);
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [value, name] : llvm::zip_equal(terminator->getOperands(), entryOutputs()))
    places[value] = engine::OutputArgAttr::get(context, name);

  // One step per kernel op; a value lives from its op to its last reader.
  std::vector<ArenaBuffer> buffers;
  std::vector<std::pair<Value, Operation *>> owners; // a value, or the op whose workspace it is
  llvm::DenseMap<Operation *, int64_t> steps;
  for (auto &[op, _] : cases)
    steps[op] = int64_t(steps.size());
  for (auto &[op, opCases] : cases) {
    for (Value result : op->getResults()) {
      if (places.count(result))
        continue;
      RankedTensorType type = typeOf(result);
      codegen::ElemType element = elemTypeOf(type.getElementType());
      int64_t pitch = type.getRank() == 1 ? 1 : codegen::rowPitch(type.getShape().back(), element);
      ArenaBuffer buffer{rowsLimit(op) * pitch * int64_t(codegen::sizeOf(element)), steps[op], steps[op]};
      for (Operation *user : result.getUsers())
        buffer.lastUse = std::max(buffer.lastUse, steps.lookup(user));
      buffers.push_back(buffer);
      owners.push_back({result, nullptr});
    }
    if (auto attention = dyn_cast<kernel::AttentionOp>(op)) {
      int64_t bytes = 0;
      for (const Case &one : opCases)
        if (one.maxSplits)
          bytes = std::max(bytes, limits.maxSequences *
                                      codegen::decodeWorkspaceBytes(describeDecode(
                                          attention, codegen::AttentionDesc::Stage::DecodePartial, one.maxSplits)));
      if (bytes) {
        buffers.push_back({bytes, steps[op], steps[op]});
        owners.push_back({Value(), op});
      }
    }
  }
  ArenaPlan plan = planArena(buffers);
  arenaBytes = std::max<int64_t>(plan.bytes, kArenaAlignment);
  for (size_t i = 0; i < buffers.size(); ++i) {
    auto [value, op] = owners[i];
    std::string name = (value ? "b" : "workspace") + std::to_string(i);
    engine::BufferOp::create(builder, op ? op->getLoc() : value.getLoc(), builder.getStringAttr(name),
                             builder.getI64IntegerAttr(plan.offsets[i]), builder.getI64IntegerAttr(buffers[i].bytes));
    Attribute place = engine::BufferArgAttr::get(context, FlatSymbolRefAttr::get(context, name));
    if (value)
      places[value] = place;
    else
      workspaces[op] = place;
  }
}

Attribute Lowering::addressOf(Value value) { return value ? places.lookup(value) : Attribute(); }

/// The scales of one layer's heads as a constant; layers with equal scales share it.
Attribute Lowering::cacheScale(graph::KvCacheOp cache, StringRef which, int64_t layer) {
  std::optional<ArrayRef<float>> all = which == "k" ? cache.getKScale() : cache.getVScale();
  if (!all)
    return {};
  int64_t heads = cache.getKvHeads();
  auto type = RankedTensorType::get({heads}, builder.getF32Type());
  auto value = DenseElementsAttr::get(type, all->slice(layer * heads, heads));
  engine::ConstantOp &constant = cacheScales[value];
  if (!constant) {
    std::string name = (cache.getSymName() + "." + which + "_scale." + Twine(layer)).str();
    StringAttr empty = builder.getStringAttr("");
    constant = engine::ConstantOp::create(builder, cache.getLoc(), builder.getStringAttr(name), FlatSymbolRefAttr(),
                                          IntegerAttr(), value, TypeAttr::get(type),
                                          builder.getI64IntegerAttr(bytesOf(type)), empty, empty, empty);
  }
  return engine::ConstantArgAttr::get(builder.getContext(), FlatSymbolRefAttr::get(constant.getSymNameAttr()));
}

/// What a kernel's named argument is bound to; the names are those of the kernels' contracts (lib/CodeGen/Kernels).
FailureOr<Attribute> Lowering::addressOf(Operation *op, StringRef argument) {
  llvm::StringMap<Value> values;
  Attribute special;
  auto cache = [&](FlatSymbolRefAttr name, int64_t layer) {
    auto cacheOp = SymbolTable::lookupNearestSymbolFrom<graph::KvCacheOp>(op, name);
    if (argument == "k_cache" || argument == "v_cache")
      special = engine::CacheArgAttr::get(op->getContext(), argument.take_front(1), layer);
    else if (argument == "k_scale" || argument == "v_scale")
      special = cacheScale(cacheOp, argument.take_front(1), layer);
  };
  if (auto gemm = dyn_cast<kernel::GemmOp>(op)) {
    values = {{"weights", gemm.getWeights()},
              {"metadata", gemm.getMetadata()},
              {"weight_scale", gemm.getWeightScale()},
              {"zeros", gemm.getZeros()},
              {"x", gemm.getX()},
              {"x_scale", gemm.getXScale()},
              {"y", gemm.getY()}};
    for (auto [index, extra] : llvm::enumerate(gemm.getExtras()))
      values["operand" + std::to_string(index)] = extra;
  } else if (auto normalize = dyn_cast<kernel::NormalizeOp>(op)) {
    values = {{"x", normalize.getX()},
              {"weight", normalize.getWeight()},
              {"residual", normalize.getResidual()},
              {"static_scale", normalize.getStaticScale()},
              {"sum", normalize.getSum()},
              {"y", normalize.getY()},
              {"y_scale", normalize.getScale()}};
  } else if (auto rope = dyn_cast<kernel::RopeAppendOp>(op)) {
    values = {{"q_in", rope.getQ()},         {"k_in", rope.getK()},
              {"v_in", rope.getV()},         {"positions", rope.getPositions()},
              {"slots", rope.getSlots()},    {"rope_table", rope.getTable()},
              {"q_weight", rope.getQNorm()}, {"k_weight", rope.getKNorm()},
              {"q", rope.getRotated()}};
    cache(rope.getCacheAttr(), rope.getLayer());
  } else if (auto attention = dyn_cast<kernel::AttentionOp>(op)) {
    values = {{"q", attention.getQ()},
              {"seq_starts", attention.getSeqStarts()},
              {"context_lens", attention.getContextLens()},
              {"block_tables", attention.getBlockTables()},
              {"y", attention.getY()}};
    cache(attention.getCacheAttr(), attention.getLayer());
    if (argument == "workspace")
      special = workspaces.lookup(op);
  } else if (auto pointwise = dyn_cast<kernel::PointwiseOp>(op)) {
    values = {{"y", pointwise.getY()}, {"y_scale", pointwise.getScale()}, {"static_scale", pointwise.getStaticScale()}};
    for (auto [index, input] : llvm::enumerate(pointwise.getInputs()))
      values["input" + std::to_string(index)] = input;
  } else if (auto gather = dyn_cast<kernel::GatherOp>(op)) {
    values = {{"table", gather.getTable()},
              {"table_scale", gather.getScale()},
              {"index", gather.getIndex()},
              {"y", gather.getY()}};
  } else if (auto argmax = dyn_cast<kernel::ArgmaxOp>(op)) {
    values = {{"x", argmax.getX()}, {"y", argmax.getY()}};
  }
  Attribute address = special ? special : addressOf(values.lookup(argument));
  if (!address)
    return op->emitError() << "nothing to bind to the kernel's argument '" << argument << "'", failure();
  return address;
}

void Lowering::declareKernel(const Launch &launch) {
  const codegen::KernelInstance &instance = launch.instance;
  engine::KernelOp &declared = kernels[instance.symbol];
  if (declared)
    return;
  SmallVector<int64_t> block(instance.block.begin(), instance.block.end());
  declared = engine::KernelOp::create(builder, module.getLoc(), builder.getStringAttr(instance.symbol),
                                      builder.getStringAttr(launch.family), builder.getDenseI64ArrayAttr(block),
                                      builder.getI64IntegerAttr(instance.dynamicSharedBytes),
                                      builder.getI64IntegerAttr(instance.minTarget),
                                      toDictionary(builder, launch.config), builder.getStringAttr(instance.source));
}

LogicalResult Lowering::emitLaunch(OpBuilder &at, Operation *op, const Launch &launch) {
  MLIRContext *context = builder.getContext();
  auto sizeName = [](codegen::Size size) { return kernel::stringifySize(kernel::Size(int(size))); };
  SmallVector<Attribute> grid, args;
  for (const codegen::GridDim &dim : launch.instance.grid)
    grid.push_back(
        engine::DimAttr::get(context, dim.size ? sizeName(*dim.size) : StringRef(), dim.multiplier, dim.divisor));
  for (const codegen::KernelArg &arg : launch.instance.args) {
    if (arg.kind == codegen::ArgKind::SizeValue) {
      args.push_back(engine::SizeArgAttr::get(context, sizeName(arg.size)));
      continue;
    }
    FailureOr<Attribute> address = addressOf(op, arg.name);
    if (failed(address))
      return failure();
    args.push_back(*address);
  }
  auto label = op->getAttrOfType<StringAttr>("label");
  engine::LaunchOp::create(at, op->getLoc(), FlatSymbolRefAttr::get(context, launch.instance.symbol),
                           builder.getArrayAttr(grid), builder.getArrayAttr(args), label);
  return success();
}

/// What the lowering relies on and no op's verifier says: IR may have been edited by hand.
LogicalResult Lowering::checkFunction(func::FuncOp function) {
  if (function.getNumArguments() != entryInputs().size() || function.getNumResults() != entryOutputs().size())
    return function.emitError() << "'forward' has " << function.getNumArguments() << " arguments and "
                                << function.getNumResults() << " results, must have " << entryInputs().size() << " and "
                                << entryOutputs().size();
  llvm::SmallDenseSet<Value> returned;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    if (!value.getDefiningOp() || isa<graph::GetOp>(value.getDefiningOp()) || !returned.insert(value).second)
      return function.emitError("'forward' must return results of kernels, each once");
  SymbolTable symbols(module);
  for (auto get : function.getOps<graph::GetOp>())
    if (!symbols.lookup<graph::DerivedOp>(get.getSymbol()))
      return get.emitError("reads a parameter; the engine holds results of graph.derived");
  return success();
}

/// Positions beyond the cos/sin table would be read outside it, so the table bounds the engine's context.
LogicalResult Lowering::boundContext(func::FuncOp function) {
  int64_t positions = modelContext(module);
  for (auto rope : function.getOps<kernel::RopeAppendOp>())
    positions = std::min(positions, typeOf(rope.getTable()).getDimSize(0));
  if (limits.maxContext > positions)
    return module.emitError()
           << "max-context " << limits.maxContext << " exceeds the " << positions
           << " positions that the schedule phase made cos/sin tables for; run that phase with the larger limit";
  if (!limits.maxContext)
    limits.maxContext = positions;
  return success();
}

LogicalResult Lowering::run() {
  auto function = module.lookupSymbol<func::FuncOp>("forward");
  if (!function)
    return module.emitError("has no function 'forward'");
  if (failed(requireModel(module)) || failed(checkFunction(function)) || failed(boundContext(function)))
    return failure();
  for (Operation &op : function.getBody().front()) {
    if (isa<graph::GetOp, func::ReturnOp>(op))
      continue;
    FailureOr<std::vector<Case>> opCases = instantiateCases(&op);
    if (failed(opCases))
      return failure();
    cases[&op] = std::move(*opCases);
  }

  builder.setInsertionPoint(function);
  placeConstants(function);
  placeValues(function);
  for (auto &[op, opCases] : cases)
    for (const Case &one : opCases)
      for (const Launch &launch : one.launches)
        declareKernel(launch);

  auto entry = engine::EntryOp::create(builder, function.getLoc(), builder.getStringAttr("forward.entry"),
                                       builder.getStrArrayAttr(entryInputs()), builder.getStrArrayAttr(entryOutputs()));
  OpBuilder body = OpBuilder::atBlockEnd(&entry.getBody().emplaceBlock());
  for (auto &[op, opCases] : cases) {
    if (opCases.size() == 1) {
      for (const Launch &launch : opCases.front().launches)
        if (failed(emitLaunch(body, op, launch)))
          return failure();
      continue;
    }
    auto choice = engine::ChoiceOp::create(body, op->getLoc());
    OpBuilder inChoice = OpBuilder::atBlockEnd(&choice.getBody().emplaceBlock());
    for (const Case &one : opCases) {
      auto caseOp = engine::CaseOp::create(inChoice, op->getLoc(), one.bounds);
      OpBuilder inCase = OpBuilder::atBlockEnd(&caseOp.getBody().emplaceBlock());
      for (const Launch &launch : one.launches)
        if (failed(emitLaunch(inCase, op, launch)))
          return failure();
    }
  }
  createModelOp(builder, module, limits, arenaBytes);
  function.erase();
  entry.setSymName("forward");
  return success();
}

struct LowerToEnginePass : impl::LowerToEnginePassBase<LowerToEnginePass> {
  using LowerToEnginePassBase::LowerToEnginePassBase;

  void runOnOperation() override {
    ModelLimits limits{maxContext, maxTokens, maxSequences, maxLogitRows, compileOptions};
    Lowering lowering(getOperation(), limits);
    if (failed(lowering.run()))
      return signalPassFailure();
    kernels += lowering.kernelCount();
  }
};

} // namespace
} // namespace qcc
