//===- PlanBuilder.cpp - The engine dialect as the file's plan ------------===//

#include "PlanBuilder.h"

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Transforms/Quantize/Recipe.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qcc {
namespace {

engine_file::Size sizeOf(StringRef name) {
  return llvm::StringSwitch<engine_file::Size>(name)
      .Case("T", engine_file::Size::T)
      .Case("B", engine_file::Size::B)
      .Case("R", engine_file::Size::R)
      .Case("Q", engine_file::Size::Q)
      .Case("C", engine_file::Size::C)
      .Case("P", engine_file::Size::P)
      .Default(engine_file::Size::None);
}

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// "BLOCK_M=32 BLOCK_N=8".
std::string textOf(DictionaryAttr config) {
  std::string text;
  for (NamedAttribute item : config)
    text += (text.empty() ? "" : " ") + item.getName().str() + "=" +
            std::to_string(cast<IntegerAttr>(item.getValue()).getInt());
  return text;
}

class Builder {
public:
  explicit Builder(ModuleOp module) : module(module) {}

  Expected<BuiltPlan> build() {
    auto models = module.getOps<engine::ModelOp>();
    auto entries = module.getOps<engine::EntryOp>();
    auto caches = module.getOps<graph::KvCacheOp>();
    if (models.empty() || entries.empty() || caches.empty())
      return Error{"not engine-phase IR: engine.model, engine.entry and graph.kv_cache must be present",
                   ExitCode::BadInput};
    addModel(*models.begin(), *caches.begin());
    for (auto op : module.getOps<engine::ConstantOp>())
      addConstant(op);
    for (auto op : module.getOps<engine::BufferOp>()) {
      bufferIndex[op.getSymName()] = uint32_t(built.plan.buffers.size());
      built.plan.buffers.push_back({op.getSymName().str(), op.getOffset(), op.getBytes()});
    }
    for (auto op : module.getOps<engine::KernelOp>())
      addKernel(op);
    addEntry(*entries.begin());
    return std::move(built);
  }

private:
  void addModel(engine::ModelOp op, graph::KvCacheOp cache) {
    engine_file::Model &model = built.plan.model;
    model.name = op.getName().str();
    model.architecture = op.getArchitecture().str();
    model.vocabulary = uint32_t(op.getVocabulary());
    model.byteVocabulary = op.getByteVocabulary();
    model.eosTokens.assign(op.getEosTokens().begin(), op.getEosTokens().end());
    model.layers = uint32_t(cache.getLayers());
    model.kvHeads = uint32_t(cache.getKvHeads());
    model.headDim = uint32_t(cache.getHeadDim());
    model.pageSize = uint32_t(cache.getPageSize());
    model.kvType = isa<Float8E4M3FNType>(cache.getElementType()) ? engine_file::KvType::E4M3
                   : cache.getElementType().isInteger(8)         ? engine_file::KvType::I8
                                                                 : engine_file::KvType::BF16;
    model.maxContext = uint32_t(op.getMaxContext());
    model.maxTokens = uint32_t(op.getMaxTokens());
    model.maxSequences = uint32_t(op.getMaxSequences());
    model.maxLogitRows = uint32_t(op.getMaxLogitRows());
    built.plan.arenaBytes = op.getArenaBytes();
    built.plan.options = op.getOptions().str();
    built.plan.compiler = "qcc " QCC_VERSION;
    if (auto recipe = module->getAttrOfType<StringAttr>(kRecipeAttr))
      built.plan.recipe = recipe.str();
  }

  void addConstant(engine::ConstantOp op) {
    constantIndex[op.getSymName()] = uint32_t(built.constants.size());
    auto type = cast<RankedTensorType>(op.getType());
    built.constants.push_back({op.getSymName().str(), op.getBytes(), textOf(type.getElementType()),
                               std::vector<int64_t>(type.getShape()), op.getLayer().str(), op.getScheme().str(),
                               op.getLayout().str()});
    built.constantOps.push_back(op);
  }

  void addKernel(engine::KernelOp op) {
    kernelIndex[op.getSymName()] = uint32_t(built.plan.kernels.size());
    engine_file::Kernel kernel;
    kernel.symbol = op.getSymName().str();
    kernel.family = op.getFamily().str();
    kernel.config = textOf(op.getConfig());
    for (int i = 0; i < 3; ++i)
      kernel.block[i] = uint32_t(op.getBlock()[i]);
    kernel.sharedBytes = uint32_t(op.getSharedBytes());
    kernel.minTarget = uint32_t(op.getMinTarget());
    kernel.source = op.getSource().str();
    codegen::KernelInstance instance;
    instance.symbol = kernel.symbol;
    instance.source = kernel.source;
    instance.block = kernel.block;
    instance.dynamicSharedBytes = kernel.sharedBytes;
    instance.minTarget = int(kernel.minTarget);
    built.kernelSources.push_back(std::move(instance));
    built.plan.kernels.push_back(std::move(kernel));
  }

  engine_file::Arg argOf(Attribute attr, engine::EntryOp entry) {
    using Kind = engine_file::Arg::Kind;
    auto position = [](ArrayAttr names, StringRef name) {
      return uint32_t(llvm::find_if(names, [&](Attribute item) { return cast<StringAttr>(item).getValue() == name; }) -
                      names.begin());
    };
    if (auto constant = dyn_cast<engine::ConstantArgAttr>(attr))
      return {Kind::Constant, constantIndex.lookup(constant.getSymbol().getValue()), 0, engine_file::Size::None};
    if (auto buffer = dyn_cast<engine::BufferArgAttr>(attr))
      return {Kind::Buffer, bufferIndex.lookup(buffer.getSymbol().getValue()), 0, engine_file::Size::None};
    if (auto cache = dyn_cast<engine::CacheArgAttr>(attr))
      return {cache.getWhich() == "k" ? Kind::KCache : Kind::VCache, uint32_t(cache.getLayer()), 0,
              engine_file::Size::None};
    if (auto input = dyn_cast<engine::InputArgAttr>(attr))
      return {Kind::Input, position(entry.getInputs(), input.getName()), 0, engine_file::Size::None};
    if (auto output = dyn_cast<engine::OutputArgAttr>(attr))
      return {Kind::Output, position(entry.getOutputs(), output.getName()), 0, engine_file::Size::None};
    return {Kind::Size, 0, 0, sizeOf(cast<engine::SizeArgAttr>(attr).getSize())};
  }

  engine_file::Launch launchOf(engine::LaunchOp op, engine::EntryOp entry) {
    engine_file::Launch launch;
    launch.kernel = kernelIndex.lookup(op.getKernel());
    for (auto [dim, attr] : llvm::zip_equal(launch.grid, op.getGrid().getAsRange<engine::DimAttr>()))
      dim = {sizeOf(attr.getSize()), uint64_t(attr.getMultiplier()), uint64_t(attr.getDivisor())};
    for (Attribute arg : op.getArgs())
      launch.args.push_back(argOf(arg, entry));
    launch.label = op.getLabel().value_or("").str();
    return launch;
  }

  void addEntry(engine::EntryOp entry) {
    for (Operation &op : entry.getBody().front()) {
      engine_file::Step step;
      if (auto launch = dyn_cast<engine::LaunchOp>(op)) {
        step.cases.push_back({{}, {launchOf(launch, entry)}});
      } else {
        for (auto caseOp : cast<engine::ChoiceOp>(op).getBody().getOps<engine::CaseOp>()) {
          engine_file::Case one;
          for (NamedAttribute bound : caseOp.getBounds())
            one.bounds.push_back({sizeOf(bound.getName()), uint64_t(cast<IntegerAttr>(bound.getValue()).getInt())});
          for (auto launch : caseOp.getBody().getOps<engine::LaunchOp>())
            one.launches.push_back(launchOf(launch, entry));
          step.cases.push_back(std::move(one));
        }
      }
      built.plan.steps.push_back(std::move(step));
    }
  }

  ModuleOp module;
  BuiltPlan built;
  llvm::StringMap<uint32_t> constantIndex, bufferIndex, kernelIndex;
};

} // namespace

Expected<BuiltPlan> buildPlan(ModuleOp module) { return Builder(module).build(); }

} // namespace qcc
