//===- ObserveInputs.cpp - Observers, and whose they are ------------------===//

#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Support/Sha256.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace mlir;

namespace qcc::calib {
namespace {

/// The first linear, in the order of forward, that reads `value`: for itself or as the dequantization of its codes.
graph::LinearOp firstReader(Value value) {
  graph::LinearOp first;
  for (Operation *user : value.getUsers()) {
    auto linear = dyn_cast<graph::LinearOp>(user);
    if (linear && linear.getX() == value && (!first || linear->isBeforeInBlock(first)))
      first = linear;
  }
  return first;
}

void addObserver(OpBuilder &builder, Value value, const std::string &name, ArrayRef<StringRef> kinds) {
  graph::ObserveOp::create(builder, value.getLoc(), value, builder.getStringAttr(name), builder.getStrArrayAttr(kinds));
}

} // namespace

std::string observedName(Value input) {
  graph::LinearOp reader = firstReader(input);
  return reader ? reader.getName().value_or("").str() + ".input" : std::string();
}

std::string observedCacheName(StringRef cache, int64_t layer, bool isKey) {
  return text(cache.str(), ".layers.", layer, isKey ? ".k" : ".v");
}

void observeInputs(ModuleOp module, ArrayRef<StringRef> kinds) {
  for (auto function : module.getOps<func::FuncOp>()) {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      if (auto linear = dyn_cast<graph::LinearOp>(op); linear && firstReader(linear.getX()) == linear)
        addObserver(builder, linear.getX(), observedName(linear.getX()), kinds);
      if (auto append = dyn_cast<graph::KvAppendOp>(op)) {
        addObserver(builder, append.getK(), observedCacheName(append.getCache(), int64_t(append.getLayer()), true),
                    {"absmax"});
        addObserver(builder, append.getV(), observedCacheName(append.getCache(), int64_t(append.getLayer()), false),
                    {"absmax"});
      }
    }
  }
}

Expected<std::string> fingerprint(ModuleOp module, const ParameterSource &source) {
  constexpr size_t kEnds = 256; ///< bytes looked at on both sides
  Sha256 hash;
  auto add = [&](std::string_view chars) {
    hash.update(chars);
    hash.update(std::string_view("\n"));
  };
  if (auto info = module->getAttrOfType<DictionaryAttr>("graph.model"))
    for (NamedAttribute attribute : info)
      if (attribute.getName() != "name" && attribute.getName() != "source") {
        std::string text;
        llvm::raw_string_ostream(text) << attribute.getName().getValue() << " = " << attribute.getValue();
        add(text);
      }
  for (auto cache : module.getOps<graph::KvCacheOp>())
    add(text("cache ", cache.getLayers(), " ", cache.getKvHeads(), " ", cache.getHeadDim()));
  std::vector<graph::ParameterOp> parameters;
  for (auto parameter : module.getOps<graph::ParameterOp>())
    if (!parameter.getFile().starts_with("quantized/"))
      parameters.push_back(parameter);
  llvm::sort(parameters, [](auto a, auto b) { return a.getSymName() < b.getSymName(); });
  for (graph::ParameterOp parameter : parameters) {
    std::string described;
    llvm::raw_string_ostream(described) << parameter.getSymName() << " : " << parameter.getType();
    add(described);
    Expected<TensorView> view =
        source.find(std::string_view(parameter.getFile()), std::string_view(parameter.getTensor()));
    if (!view)
      return view.takeError();
    size_t ends = std::min(kEnds, view->bytes.size());
    hash.update(view->bytes.first(ends));
    hash.update(view->bytes.last(ends));
  }
  return hexadecimal(hash.finish());
}

} // namespace qcc::calib
