//===- PlanVerify.cpp - Everything the executor relies on -----------------===//
//
// The executor indexes with what the plan says and checks nothing again, so each rule here is a memory-safety rule. A
// check throws Finding with the message; nothing else leaves this file.
//
//===----------------------------------------------------------------------===//

#include "PlanLimits.h"
#include "Text.h"
#include "qccrt/plan_verify.h"

#include "plan_generated.h"
#include "qccrt/engine_format.h"

#include <algorithm>
#include <vector>

namespace qccrt {
namespace {

struct Finding {
  std::string message;
};

template <typename... Args> void require(bool condition, const Args &...message) {
  if (!condition)
    throw Finding{text(message...)};
}

std::string_view nameOf(const flatbuffers::String *string) {
  return string ? std::string_view(string->c_str(), string->size()) : std::string_view();
}

class Verifier {
public:
  Verifier(const plan::Plan &plan, std::span<const unsigned char> kernels, uint64_t weightBytes)
      : plan(plan), kernels(kernels), weightBytes(weightBytes) {}

  void run() {
    require(plan.model() && plan.constants() && plan.buffers() && plan.kernels() && plan.inputs() && plan.outputs() &&
                plan.steps() && plan.compiler() && plan.options(),
            "a required field is missing");
    checkModel(*plan.model());
    checkConstants();
    checkBuffers();
    checkKernels();
    checkPorts("input", *plan.inputs(), kInputNames);
    checkPorts("output", *plan.outputs(), kOutputNames);
    checkSteps();
    checkArena();
  }

private:
  void checkModel(const plan::Model &model);
  void checkConstants();
  void checkBuffers();
  void checkKernels();
  uint64_t checkImages(const plan::Kernel &kernel, uint64_t end);
  template <typename Names>
  void checkPorts(const char *kind, const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>> &ports,
                  const Names &known);
  void checkSteps();
  void checkCase(const plan::Case &one, bool last, const std::string &where);
  void checkLaunch(const plan::Launch &launch, const std::string &where);
  void checkGrid(const plan::Dim &dim, unsigned axis, const std::string &where);
  void checkArg(const plan::Arg &arg, const std::string &where);
  void checkArena();

  const plan::Plan &plan;
  std::span<const unsigned char> kernels;
  uint64_t weightBytes;
  uint64_t step = 0; ///< being checked
  struct Use {
    uint64_t first = UINT64_MAX, last = 0;
  };
  std::vector<Use> uses; ///< per buffer, the steps that name it
};

void Verifier::checkModel(const plan::Model &model) {
  require(model.name() && model.architecture() && model.eos_tokens(), "model: a required field is missing");
  auto within = [](const char *field, uint64_t value, uint64_t low, uint64_t high) {
    require(value >= low && value <= high, "model: ", field, " is ", value, ", must be ", low, " to ", high);
  };
  within("vocabulary", model.vocabulary(), 1, 1 << 24);
  require(!model.byte_vocabulary() || model.vocabulary() >= 256, "model: a byte vocabulary has at least 256 tokens");
  within("layers", model.layers(), 1, 4096);
  within("kv_heads", model.kv_heads(), 1, 4096);
  within("head_dim", model.head_dim(), 1, 1024);
  within("page_size", model.page_size(), 1, 1024);
  within("kv_type", uint64_t(model.kv_type()), 0, uint64_t(plan::KvType::MAX));
  within("max_context", model.max_context(), 1, 1 << 26);
  within("max_tokens", model.max_tokens(), 1, std::min<uint64_t>(1 << 20, uint64_t(1) << 31));
  within("max_sequences", model.max_sequences(), 1, std::min<uint32_t>(model.max_tokens(), 65535));
  within("max_logit_rows", model.max_logit_rows(), 1, model.max_tokens());
  require(model.max_logit_rows() >= model.max_sequences(), "model: max_logit_rows is ", model.max_logit_rows(),
          ", must be at least max_sequences = ", model.max_sequences());
  for (int32_t token : *model.eos_tokens())
    require(token >= 0 && uint32_t(token) < model.vocabulary(), "model: end-of-text token ", token,
            " is outside of the vocabulary of ", model.vocabulary());
}

void Verifier::checkConstants() {
  uint64_t end = 0;
  require(plan.constants()->size() > 0, "no constants");
  for (const plan::Constant *constant : *plan.constants()) {
    require(constant->name() && constant->dtype() && constant->shape() && constant->layer() && constant->scheme() &&
                constant->layout(),
            "constant: a required field is missing");
    std::string name = quoted(nameOf(constant->name()));
    require(constant->offset() == alignUp(end, kConstantAlign), "constant ", name, " is at ", constant->offset(),
            ", must be at ", alignUp(end, kConstantAlign));
    require(constant->bytes() > 0 && constant->offset() <= weightBytes &&
                constant->bytes() <= weightBytes - constant->offset(),
            "constant ", name, " does not lie in the weights section of ", weightBytes, " bytes");
    end = constant->offset() + constant->bytes();
  }
  require(end == weightBytes, "the weights section has ", weightBytes, " bytes, its constants end at ", end);
}

void Verifier::checkBuffers() {
  require(plan.arena_bytes() > 0 && plan.arena_bytes() <= kMaxArenaBytes, "arena_bytes is ", plan.arena_bytes(),
          ", must be 1 to ", kMaxArenaBytes);
  require(plan.buffers()->size() <= kMaxBuffers, plan.buffers()->size(), " buffers, at most ", kMaxBuffers);
  for (const plan::Buffer *buffer : *plan.buffers()) {
    require(buffer->name(), "buffer: a required field is missing");
    std::string name = quoted(nameOf(buffer->name()));
    require(buffer->offset() % kConstantAlign == 0, "buffer ", name, " is at ", buffer->offset(),
            ", must be a multiple of ", kConstantAlign);
    require(buffer->bytes() > 0 && buffer->offset() <= plan.arena_bytes() &&
                buffer->bytes() <= plan.arena_bytes() - buffer->offset(),
            "buffer ", name, " does not lie in the arena of ", plan.arena_bytes(), " bytes");
  }
  uses.resize(plan.buffers()->size());
}

void Verifier::checkKernels() {
  uint64_t end = 0;
  for (const plan::Kernel *kernel : *plan.kernels()) {
    require(kernel->symbol() && kernel->family() && kernel->config() && kernel->block() && kernel->source() &&
                kernel->images(),
            "kernel: a required field is missing");
    std::string name = quoted(nameOf(kernel->symbol()));
    // Tools name files after it.
    bool identifier = kernel->symbol()->size() > 0 && kernel->symbol()->size() <= 200;
    for (char c : nameOf(kernel->symbol()))
      identifier &= (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    require(identifier, "kernel ", name, ": the symbol must be 1 to 200 letters, digits or '_'");
    require(kernel->block()->size() == 3, "kernel ", name, ": block must have 3 extents");
    uint64_t threads = 1;
    for (uint32_t extent : *kernel->block())
      threads = extent <= kMaxThreads ? threads * extent : 0;
    require(threads >= 1 && threads <= kMaxThreads && kernel->block()->Get(2) <= 64, "kernel ", name,
            ": a block has 1 to ", kMaxThreads, " threads, at most 64 along z");
    require(kernel->shared_bytes() <= kMaxSharedBytes, "kernel ", name, " needs ", kernel->shared_bytes(),
            " bytes of dynamic shared memory, at most ", kMaxSharedBytes);
    require(kernel->images()->size() > 0, "kernel ", name, " has no image");
    end = checkImages(*kernel, end);
  }
  require(end == kernels.size(), "the kernels section has ", kernels.size(), " bytes, its images end at ", end);
}

uint64_t Verifier::checkImages(const plan::Kernel &kernel, uint64_t end) {
  std::string name = quoted(nameOf(kernel.symbol()));
  for (const plan::Image *image : *kernel.images()) {
    require(image->kind() <= plan::ImageKind::MAX, "kernel ", name, ": unknown image kind ", int(image->kind()));
    require(image->target() >= kernel.min_target() && image->target() <= 999, "kernel ", name, ": image target ",
            image->target(), " must be ", kernel.min_target(), " to 999");
    uint64_t begin = alignUp(end, kImageAlign);
    require(image->offset() == begin, "kernel ", name, ": image is at ", image->offset(), ", must be at ", begin);
    require(image->bytes() > 4 && begin <= kernels.size() && image->bytes() <= kernels.size() - begin, "kernel ", name,
            ": image does not lie in the kernels section of ", kernels.size(), " bytes");
    const unsigned char *bytes = kernels.data() + begin;
    for (uint64_t gap = end; gap < begin; ++gap)
      require(kernels[gap] == 0, "byte ", gap, " of the kernels section is not zero, between two images");
    if (image->kind() == plan::ImageKind::Ptx) // the driver reads it as a C string
      require(std::find(bytes, bytes + image->bytes(), 0) == bytes + image->bytes() - 1, "kernel ", name,
              ": PTX must end with its only NUL");
    else // the driver finds the image's length in its ELF header
      require(bytes[0] == 0x7f && bytes[1] == 'E' && bytes[2] == 'L' && bytes[3] == 'F', "kernel ", name,
              ": a cubin must be an ELF image");
    end = begin + image->bytes();
  }
  return end;
}

template <typename Names>
void Verifier::checkPorts(const char *kind, const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>> &ports,
                          const Names &known) {
  for (const auto *port : ports)
    require(std::count(std::begin(known), std::end(known), nameOf(port)) == 1, "unknown ", kind, " ",
            quoted(nameOf(port)));
}

void Verifier::checkSteps() {
  require(plan.steps()->size() > 0, "no steps");
  for (const plan::Step *item : *plan.steps()) {
    std::string where = text("step ", step);
    require(item->cases() && item->cases()->size() > 0, where, " has no cases");
    for (uint32_t i = 0; i < item->cases()->size(); ++i)
      checkCase(*item->cases()->Get(i), i + 1 == item->cases()->size(), text(where, " case ", i));
    ++step;
  }
}

void Verifier::checkCase(const plan::Case &one, bool last, const std::string &where) {
  require(one.bounds() && one.launches(), where, ": a required field is missing");
  require((one.bounds()->size() == 0) == last, where, ": the last case and no other must be without bounds");
  for (const plan::Bound *bound : *one.bounds())
    require(bound->size() > plan::Size::None && bound->size() <= plan::Size::MAX, where, ": unknown size ",
            int(bound->size()));
  require(one.launches()->size() > 0, where, " has no launches");
  for (const plan::Launch *launch : *one.launches())
    checkLaunch(*launch, where);
}

void Verifier::checkLaunch(const plan::Launch &launch, const std::string &where) {
  require(launch.grid() && launch.args() && launch.label(), where, ": a required field is missing");
  require(launch.kernel() < plan.kernels()->size(), where, ": kernel ", launch.kernel(), " of ",
          plan.kernels()->size());
  require(launch.grid()->size() == 3, where, ": a grid must have 3 extents");
  for (unsigned axis = 0; axis < 3; ++axis)
    checkGrid(*launch.grid()->Get(axis), axis, where);
  require(launch.args()->size() <= kMaxArgs, where, ": ", launch.args()->size(), " arguments, at most ", kMaxArgs);
  for (const plan::Arg *arg : *launch.args())
    checkArg(*arg, where);
}

void Verifier::checkGrid(const plan::Dim &dim, unsigned axis, const std::string &where) {
  require(dim.size() <= plan::Size::MAX, where, ": unknown size ", int(dim.size()));
  require(dim.multiplier() > 0 && dim.multiplier() <= 1u << 30 && dim.divisor() > 0 && dim.divisor() <= 1u << 30, where,
          ": grid multiplier and divisor must be 1 to 2^30");
  uint64_t extent = gridExtent(dim, largestSizes(*plan.model()));
  uint64_t limit = axis == 0 ? (uint64_t(1) << 31) - 1 : 65535;
  require(extent <= limit, where, ": the grid may grow to ", extent, " along axis ", axis, ", at most ", limit);
}

void Verifier::checkArg(const plan::Arg &arg, const std::string &where) {
  auto below = [&](const char *what, uint64_t count, uint64_t bytes) {
    require(arg.index() < count, where, ": argument names ", what, " ", arg.index(), " of ", count);
    require(arg.offset() < bytes, where, ": argument passes the end of ", what, " ", arg.index());
  };
  switch (arg.kind()) {
  case plan::ArgKind::Constant:
    below("constant", plan.constants()->size(), UINT64_MAX);
    return below("constant", plan.constants()->size(), plan.constants()->Get(arg.index())->bytes());
  case plan::ArgKind::Buffer: {
    below("buffer", plan.buffers()->size(), UINT64_MAX);
    Use &use = uses[arg.index()];
    use.first = std::min(use.first, step);
    use.last = std::max(use.last, step);
    return below("buffer", plan.buffers()->size(), plan.buffers()->Get(arg.index())->bytes());
  }
  case plan::ArgKind::KCache:
  case plan::ArgKind::VCache:
    return below("cache layer", plan.model()->layers(), 1);
  case plan::ArgKind::Input:
    return below("input", plan.inputs()->size(), 1);
  case plan::ArgKind::Output:
    return below("output", plan.outputs()->size(), 1);
  case plan::ArgKind::Size:
    return require(arg.size() > plan::Size::None && arg.size() <= plan::Size::MAX, where, ": unknown size ",
                   int(arg.size()));
  }
  require(false, where, ": unknown argument kind ", int(arg.kind()));
}

/// A buffer is in use from the first step that names it to the last; two that overlap in the arena must not overlap in
/// time.
void Verifier::checkArena() {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < uses.size(); ++i)
    if (uses[i].first != UINT64_MAX)
      order.push_back(i);
  auto buffer = [&](uint32_t index) { return plan.buffers()->Get(index); };
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(buffer(a)->offset(), a) < std::pair(buffer(b)->offset(), b);
  });
  for (size_t i = 0; i < order.size(); ++i) {
    uint64_t end = buffer(order[i])->offset() + buffer(order[i])->bytes();
    const Use &a = uses[order[i]];
    for (size_t j = i + 1; j < order.size() && buffer(order[j])->offset() < end; ++j) {
      const Use &b = uses[order[j]];
      require(a.last < b.first || b.last < a.first, "buffers ", quoted(nameOf(buffer(order[i])->name())), " and ",
              quoted(nameOf(buffer(order[j])->name())), " share arena memory and are both in use at step ",
              std::max(a.first, b.first));
    }
  }
}

} // namespace

std::string verifyPlan(std::span<const unsigned char> bytes, std::span<const unsigned char> kernels,
                       uint64_t weightBytes) {
  // Depth and table count bound the work that hostile bytes can ask for.
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), 64, 1000000);
  if (bytes.size() < 12 || !plan::VerifyPlanBuffer(verifier))
    return "not a well-formed plan";
  try {
    Verifier(*plan::GetPlan(bytes.data()), kernels, weightBytes).run();
  } catch (const Finding &finding) {
    return finding.message;
  }
  return {};
}

} // namespace qccrt
