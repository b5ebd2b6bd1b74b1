//===- Report.cpp ---------------------------------------------------------===//

#include "Report.h"
#include "Budget.h"
#include "Failure.h"
#include "Json.h"
#include "Names.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <sstream>

namespace qcc_inspect {
namespace {

using qccrt::byteText;
using qccrt::EngineReader;

/// Text from the file on a terminal: one line, no control characters, not cut.
std::string plain(std::string_view string) {
  std::string text(string);
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  return text;
}
std::string plain(const flatbuffers::String *string) { return plain(string->string_view()); }

std::string shapeOf(const plan::Constant &constant) {
  std::string text;
  for (int64_t extent : *constant.shape())
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

/// Constants of one layer; those without a layer stand alone under their own name.
struct Layer {
  std::string name, scheme;
  uint64_t bytes = 0;
};

std::vector<Layer> layersOf(const plan::Plan &plan) {
  std::vector<Layer> layers;
  std::map<std::string, size_t> index;
  for (const plan::Constant *constant : *plan.constants()) {
    std::string name = constant->layer()->size() ? plain(constant->layer()) : plain(constant->name());
    auto [place, added] = index.try_emplace(name, layers.size());
    if (added)
      layers.push_back({name, "", 0});
    Layer &layer = layers[place->second];
    layer.bytes += constant->bytes();
    if (layer.scheme.empty())
      layer.scheme = plain(constant->scheme());
  }
  return layers;
}

class TextReport {
public:
  explicit TextReport(const EngineReader &engine) : engine(engine), plan(engine.plan()) {}

  std::string run(bool withPlan) {
    header();
    model();
    layers();
    kernels();
    if (withPlan)
      steps();
    else
      out << "\nplan: " << plan.steps()->size() << " steps, " << launches() << " launches; --plan lists them\n";
    return out.str();
  }

private:
  void header();
  void model();
  void layers();
  void kernels();
  void steps();
  size_t launches() const;

  const EngineReader &engine;
  const plan::Plan &plan;
  std::ostringstream out;
};

void TextReport::header() {
  const qccrt::FileHeader &head = engine.header();
  qccrt::Digest root;
  std::copy(std::begin(head.rootHash), std::end(head.rootHash), root.begin());
  out << engine.path() << ": engine format " << head.versionMajor << "." << head.versionMinor << ", "
      << byteText(head.fileBytes) << ", root hash " << qccrt::toHex(root) << ", not signed\n";
  out << "compiled by " << plain(plan.compiler()) << ": " << plain(plan.options()) << "\n\nsections\n";
  for (const qccrt::SectionEntry &entry : engine.sections())
    out << "  " << std::left << std::setw(10) << EngineReader::nameOf(qccrt::SectionKind(entry.kind)) << std::right
        << std::setw(16) << entry.offset << std::setw(16) << entry.bytes << " bytes\n";
}

void TextReport::model() {
  const plan::Model &m = *plan.model();
  uint64_t kvToken = qccrt::layerPageBytes(m) * 2 * m.layers() / m.page_size();
  out << "\nmodel\n  " << plain(m.name()) << " (" << plain(m.architecture()) << "), vocabulary " << m.vocabulary()
      << (m.byte_vocabulary() ? " (bytes)" : "") << ", end of text";
  for (int32_t token : *m.eos_tokens())
    out << " " << token;
  out << (m.eos_tokens()->size() ? "" : " none") << "\n  K/V cache: " << m.layers() << " layers of " << m.kv_heads()
      << " heads x " << m.head_dim() << ", " << nameOf(m.kv_type()) << ", pages of " << m.page_size() << " tokens, "
      << kvToken << " bytes per token\n  at most " << m.max_context() << " tokens of context; in a step "
      << m.max_tokens() << " tokens, " << m.max_sequences() << " sequences, " << m.max_logit_rows()
      << " logit rows\n  weights " << byteText(engine.weightBytes()) << ", arena " << byteText(plan.arena_bytes())
      << " for " << plan.buffers()->size() << " buffers\n";
}

void TextReport::layers() {
  std::map<std::string, uint64_t> perScheme;
  out << "\nlayers" << std::string(50, ' ') << "           bytes  scheme\n";
  for (const Layer &layer : layersOf(plan)) {
    out << "  " << std::left << std::setw(54) << layer.name << std::right << std::setw(16) << layer.bytes << "  "
        << layer.scheme << "\n";
    perScheme[layer.scheme.empty() ? "(none)" : layer.scheme] += layer.bytes;
  }
  for (const auto &[scheme, bytes] : perScheme)
    out << "  " << std::left << std::setw(54) << "sum" << std::right << std::setw(16) << bytes << "  " << scheme
        << "\n";
}

void TextReport::kernels() {
  out << "\nkernels\n";
  for (const plan::Kernel *kernel : *plan.kernels()) {
    const auto &block = *kernel->block();
    out << "  " << kernel->symbol()->c_str() << "  " << plain(kernel->family()) << "  " << plain(kernel->config())
        << "\n      block " << block.Get(0) << "x" << block.Get(1) << "x" << block.Get(2) << ", "
        << kernel->shared_bytes() << " bytes of dynamic shared memory\n";
    for (const plan::Image *image : *kernel->images()) {
      out << "      " << std::left << std::setw(12) << targetOf(*image) << std::right << std::setw(10) << image->bytes()
          << " bytes";
      if (image->kind() == plan::ImageKind::Cubin)
        out << ", " << image->registers() << " registers, " << image->spill_bytes() << " bytes spilled, "
            << image->static_shared() << " bytes of static shared memory";
      out << "\n";
    }
  }
}

size_t TextReport::launches() const {
  size_t count = 0;
  for (const plan::Step *step : *plan.steps())
    for (const plan::Case *one : *step->cases())
      count += one->launches()->size();
  return count;
}

void TextReport::steps() {
  out << "\nplan\n";
  size_t index = 0;
  for (const plan::Step *step : *plan.steps()) {
    for (const plan::Case *one : *step->cases()) {
      out << "  " << index;
      if (step->cases()->size() > 1) {
        out << (one->bounds()->size() ? " if" : " else");
        for (const plan::Bound *bound : *one->bounds())
          out << " " << nameOf(bound->size()) << "<=" << bound->limit();
      }
      out << "\n";
      for (const plan::Launch *launch : *one->launches()) {
        out << "    " << plan.kernels()->Get(launch->kernel())->symbol()->c_str() << " grid(";
        for (unsigned axis = 0; axis < 3; ++axis)
          out << (axis ? ", " : "") << textOf(*launch->grid()->Get(axis));
        out << ") args(";
        bool first = true;
        for (const plan::Arg *arg : *launch->args()) {
          out << (first ? "" : ", ") << textOf(plan, *arg);
          first = false;
        }
        out << ")" << (launch->label()->size() ? "  " + plain(launch->label()) : "") << "\n";
      }
    }
    ++index;
  }
}

void jsonModel(Json &json, const plan::Plan &plan) {
  const plan::Model &m = *plan.model();
  json.object("model")
      .string("name", m.name()->string_view())
      .string("architecture", m.architecture()->string_view())
      .number("vocabulary", m.vocabulary());
  json.boolean("byte_vocabulary", m.byte_vocabulary()).array("eos_tokens");
  for (int32_t token : *m.eos_tokens())
    json.signedNumber("", token);
  json.end()
      .number("layers", m.layers())
      .number("kv_heads", m.kv_heads())
      .number("head_dim", m.head_dim())
      .number("page_size", m.page_size());
  json.string("kv_type", flagOf(m.kv_type()))
      .number("max_context", m.max_context())
      .number("max_tokens", m.max_tokens());
  json.number("max_sequences", m.max_sequences()).number("max_logit_rows", m.max_logit_rows()).end();
}

void jsonKernels(Json &json, const plan::Plan &plan) {
  json.array("kernels");
  for (const plan::Kernel *kernel : *plan.kernels()) {
    json.object().string("symbol", kernel->symbol()->string_view()).string("family", kernel->family()->string_view());
    json.string("config", kernel->config()->string_view()).array("block");
    for (uint32_t extent : *kernel->block())
      json.number("", extent);
    json.end()
        .number("shared_bytes", kernel->shared_bytes())
        .number("min_target", kernel->min_target())
        .array("images");
    for (const plan::Image *image : *kernel->images()) {
      bool cubin = image->kind() == plan::ImageKind::Cubin;
      json.object()
          .string("kind", cubin ? "cubin" : "ptx")
          .string("target", targetOf(*image))
          .number("bytes", image->bytes());
      if (cubin)
        json.number("registers", image->registers())
            .number("spill_bytes", image->spill_bytes())
            .number("static_shared", image->static_shared());
      json.end();
    }
    json.end().end();
  }
  json.end();
}

void jsonSteps(Json &json, const plan::Plan &plan) {
  json.array("steps");
  for (const plan::Step *step : *plan.steps()) {
    json.array();
    for (const plan::Case *one : *step->cases()) {
      json.object().object("bounds");
      for (const plan::Bound *bound : *one->bounds())
        json.number(nameOf(bound->size()), bound->limit());
      json.end().array("launches");
      for (const plan::Launch *launch : *one->launches()) {
        json.object()
            .string("kernel", plan.kernels()->Get(launch->kernel())->symbol()->string_view())
            .string("label", launch->label()->string_view());
        json.array("grid");
        for (const plan::Dim *dim : *launch->grid())
          json.string("", textOf(*dim));
        json.end().array("args");
        for (const plan::Arg *arg : *launch->args())
          json.string("", textOf(plan, *arg));
        json.end().end();
      }
      json.end().end();
    }
    json.end();
  }
  json.end();
}

} // namespace

std::string report(const EngineReader &engine, bool withPlan) { return TextReport(engine).run(withPlan); }

std::string recipeOf(const EngineReader &engine) {
  const flatbuffers::String *recipe = engine.plan().recipe();
  if (!recipe || recipe->size() == 0)
    qccrt::fail(QCCRT_DAMAGED, "'", engine.path(),
                "' holds no recipe: it was made by a qcc that wrote none, or from IR of a later phase");
  std::string text;
  for (size_t begin = 0, end; begin < recipe->size(); begin = end + 1) {
    end = std::min(recipe->string_view().find('\n', begin), size_t(recipe->size()));
    text += plain(recipe->string_view().substr(begin, end - begin)) + "\n";
  }
  return text;
}

std::string reportJson(const EngineReader &engine) {
  const plan::Plan &plan = engine.plan();
  Json json;
  qccrt::Digest root;
  std::copy(std::begin(engine.header().rootHash), std::end(engine.header().rootHash), root.begin());
  json.object()
      .string("format", qccrt::text(engine.header().versionMajor, ".", engine.header().versionMinor))
      .number("bytes", engine.header().fileBytes);
  json.string("root_hash", qccrt::toHex(root))
      .string("compiler", plan.compiler()->string_view())
      .string("options", plan.options()->string_view())
      .string("recipe", plan.recipe() ? plan.recipe()->string_view() : "");
  json.array("sections");
  for (const qccrt::SectionEntry &entry : engine.sections())
    json.object()
        .string("kind", EngineReader::nameOf(qccrt::SectionKind(entry.kind)))
        .number("offset", entry.offset)
        .number("bytes", entry.bytes)
        .end();
  json.end();
  jsonModel(json, plan);
  json.array("constants");
  for (const plan::Constant *c : *plan.constants())
    json.object()
        .string("name", c->name()->string_view())
        .number("offset", c->offset())
        .number("bytes", c->bytes())
        .string("dtype", c->dtype()->string_view())
        .string("shape", shapeOf(*c))
        .string("layer", c->layer()->string_view())
        .string("scheme", c->scheme()->string_view())
        .string("layout", c->layout()->string_view())
        .end();
  json.end().number("arena_bytes", plan.arena_bytes()).array("buffers");
  for (const plan::Buffer *buffer : *plan.buffers())
    json.object()
        .string("name", buffer->name()->string_view())
        .number("offset", buffer->offset())
        .number("bytes", buffer->bytes())
        .end();
  json.end();
  jsonKernels(json, plan);
  jsonSteps(json, plan);
  json.end();
  return json.text();
}

} // namespace qcc_inspect
