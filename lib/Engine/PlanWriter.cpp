//===- PlanWriter.cpp -----------------------------------------------------===//

#include "PlanWriter.h"

#include "plan_generated.h"

namespace qcc::engine_file {
namespace {

namespace fb = qccrt::plan;
using flatbuffers::Offset;

class Serializer {
public:
  std::string run(const Plan &plan, const std::vector<Constant> &constants, const Placement &placement);

private:
  /// A vector of tables, one per item, each made by `make`.
  template <typename Items, typename Make> auto each(const Items &items, Make make) {
    std::vector<decltype(make(*items.begin()))> offsets;
    for (const auto &item : items)
      offsets.push_back(make(item));
    return builder.CreateVector(offsets);
  }
  /// Strings repeat (family, dtype, layout): each text is stored once.
  auto text(const std::string &value) { return builder.CreateSharedString(value); }
  static fb::Size size(Size value) { return fb::Size(uint8_t(value)); }

  Offset<fb::Model> model(const Model &model);
  Offset<fb::Constant> constant(const Constant &constant, uint64_t offset);
  Offset<fb::Kernel> kernel(const Kernel &kernel, const std::vector<uint64_t> &offsets);
  Offset<fb::Launch> launch(const Launch &launch);
  Offset<fb::Step> step(const Step &step);

  flatbuffers::FlatBufferBuilder builder;
};

Offset<fb::Model> Serializer::model(const Model &model) {
  auto name = text(model.name), architecture = text(model.architecture);
  auto eos = builder.CreateVector(model.eosTokens);
  return fb::CreateModel(builder, name, architecture, model.vocabulary, model.byteVocabulary, eos, model.layers,
                         model.kvHeads, model.headDim, model.pageSize, fb::KvType(uint8_t(model.kvType)),
                         model.maxContext, model.maxTokens, model.maxSequences, model.maxLogitRows);
}

Offset<fb::Constant> Serializer::constant(const Constant &constant, uint64_t offset) {
  auto name = text(constant.name), dtype = text(constant.dtype);
  auto shape = builder.CreateVector(constant.shape);
  auto layer = text(constant.layer), scheme = text(constant.scheme), layout = text(constant.layout);
  return fb::CreateConstant(builder, name, offset, constant.bytes, dtype, shape, layer, scheme, layout);
}

Offset<fb::Kernel> Serializer::kernel(const Kernel &kernel, const std::vector<uint64_t> &offsets) {
  size_t index = 0;
  auto images = each(kernel.images, [&](const Image &image) {
    bool ptx = image.kind == Image::Kind::Ptx;
    return fb::CreateImage(builder, fb::ImageKind(uint8_t(image.kind)), image.target, image.specific, offsets[index++],
                           image.bytes.size() + ptx, image.registers, image.spillBytes, image.staticShared);
  });
  auto symbol = text(kernel.symbol), family = text(kernel.family), config = text(kernel.config);
  auto block = builder.CreateVector(kernel.block.data(), kernel.block.size());
  auto source = text(kernel.source);
  return fb::CreateKernel(builder, symbol, family, config, block, kernel.sharedBytes, kernel.minTarget, source, images);
}

Offset<fb::Launch> Serializer::launch(const Launch &launch) {
  auto grid = each(launch.grid,
                   [&](const Dim &dim) { return fb::CreateDim(builder, size(dim.size), dim.multiplier, dim.divisor); });
  auto args = each(launch.args, [&](const Arg &arg) {
    return fb::CreateArg(builder, fb::ArgKind(uint8_t(arg.kind)), arg.index, arg.offset, size(arg.size));
  });
  return fb::CreateLaunch(builder, launch.kernel, grid, args, text(launch.label));
}

Offset<fb::Step> Serializer::step(const Step &step) {
  auto cases = each(step.cases, [&](const Case &one) {
    auto bounds =
        each(one.bounds, [&](const Bound &bound) { return fb::CreateBound(builder, size(bound.size), bound.limit); });
    auto launches = each(one.launches, [&](const Launch &item) { return launch(item); });
    return fb::CreateCase(builder, bounds, launches);
  });
  return fb::CreateStep(builder, cases);
}

std::string Serializer::run(const Plan &plan, const std::vector<Constant> &constants, const Placement &placement) {
  auto modelTable = model(plan.model);
  size_t next = 0;
  auto constantTables =
      each(constants, [&](const Constant &one) { return constant(one, placement.constants[next++]); });
  auto buffers = each(plan.buffers, [&](const Buffer &buffer) {
    return fb::CreateBuffer(builder, text(buffer.name), buffer.offset, buffer.bytes);
  });
  next = 0;
  auto kernels = each(plan.kernels, [&](const Kernel &one) { return kernel(one, placement.images[next++]); });
  auto inputs = each(plan.inputs, [&](const std::string &name) { return text(name); });
  auto outputs = each(plan.outputs, [&](const std::string &name) { return text(name); });
  auto steps = each(plan.steps, [&](const Step &one) { return step(one); });
  auto compiler = text(plan.compiler), options = text(plan.options), recipe = text(plan.recipe);
  auto root = fb::CreatePlan(builder, compiler, options, modelTable, plan.arenaBytes, constantTables, buffers, kernels,
                             inputs, outputs, steps, recipe);
  fb::FinishPlanBuffer(builder, root);
  return {reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize()};
}

} // namespace

std::string serializePlan(const Plan &plan, const std::vector<Constant> &constants, const Placement &placement) {
  return Serializer().run(plan, constants, placement);
}

} // namespace qcc::engine_file
