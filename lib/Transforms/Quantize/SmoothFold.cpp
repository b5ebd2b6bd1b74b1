//===- SmoothFold.cpp -----------------------------------------------------===//

#include "SmoothFold.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir;

namespace qcc {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Clones what `value` follows from into a derivation's body; null where it does not follow from parameters alone.
Value cloneWeight(Value value, OpBuilder &body, IRMapping &mapping) {
  if (Value done = mapping.lookupOrNull(value))
    return done;
  Operation *op = value.getDefiningOp();
  if (!op || (op->getNumOperands() == 0 && !isa<graph::GetOp>(op)) || !isMemoryEffectFree(op))
    return {};
  for (Value operand : op->getOperands())
    if (!cloneWeight(operand, body, mapping))
      return {};
  body.clone(*op, mapping);
  return mapping.lookup(value);
}

constexpr const char *kVector = ".s", *kFolded = ".folded";

/// The operand that a fold divides.
OpOperand &dividedOf(SmoothPair &pair) {
  return pair.kind == SmoothPair::Kind::Norm ? pair.norm.getWeightMutable() : pair.producer.getWMutable();
}

/// The bytes of a tensor of the file; empty when it has no such tensor of this type and size.
std::span<const std::byte> bytesOf(const hf::SafetensorsFile &file, const std::string &name, DType type, int64_t size) {
  auto found = file.tensors().find(name);
  if (found == file.tensors().end() || found->second.type != type ||
      found->second.bytes.size() != size_t(size) * bitWidth(type) / 8)
    return {};
  return found->second.bytes;
}

/// Removes reads of weights that nothing uses any more.
void eraseDeadReads(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

} // namespace

std::vector<float> storedSmoothing(const std::vector<double> &s, std::span<const float> gamma) {
  std::vector<float> stored(s.begin(), s.end());
  for (size_t j = 0; j < stored.size(); ++j) {
    if (!gamma.empty() && gamma[j] != 0) {
      double folded = double(quant::roundToBF16(float(double(gamma[j]) / s[j])));
      stored[j] = float(double(gamma[j]) / folded);
    }
    if (!std::isnormal(stored[j]) || stored[j] < 0)
      stored[j] = 1;
  }
  return stored;
}

SmoothFold::SmoothFold(SymbolTable &symbols, std::string suffix, std::string label, std::string key)
    : symbols(symbols), module(cast<ModuleOp>(symbols.getOp())), suffix(std::move(suffix)), label(std::move(label)),
      key(std::move(key)), file(this->key.empty() ? "" : workFileName(this->label, this->key)) {}

std::string SmoothFold::nameOf(Value weight) const { return (rootSymbol(weight) + "." + suffix).str(); }

void SmoothFold::store(const std::string &name, RankedTensorType type, std::span<const std::byte> bytes) {
  // Parameters stand together, before what reads them.
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToStart(module.getBody());
  for (auto parameter : module.getOps<graph::ParameterOp>())
    builder.setInsertionPointAfter(parameter);
  auto parameter = graph::ParameterOp::create(builder, module.getLoc(), name, type, file, name);
  symbols.insert(parameter);
  parameters.push_back(parameter);
  if (!isRestored)
    writer.add(name, type.getElementType().isF32() ? DType::F32 : DType::BF16, type.getShape().vec(), bytes);
}

std::string SmoothFold::storeVector(const std::string &name, std::span<const float> s) {
  auto type = RankedTensorType::get({int64_t(s.size())}, Float32Type::get(module.getContext()));
  store(name, type, std::as_bytes(s));
  return name;
}

void SmoothFold::fold(SmoothPair &pair, const std::vector<float> &s) {
  OpOperand &divided = dividedOf(pair);
  std::string base = nameOf(divided.get());
  std::string rows = storeVector(base + kVector, s), columns = rows;
  if (pair.heads != pair.kvHeads)
    columns = storeVector(base + ".s.heads", [&] {
      std::vector<double> spread = pair.perColumn({s.begin(), s.end()});
      return std::vector<float>(spread.begin(), spread.end());
    }());
  edits[&divided].rows = rows;
  if (pair.producer && pair.producer.getBias())
    edits[&pair.producer.getBiasMutable()[0]].rows = rows;
  for (graph::LinearOp consumer : pair.consumers)
    edits[&consumer.getWMutable()].columns = columns;
}

void SmoothFold::replaceWeight(graph::LinearOp linear, std::span<const float> weight) {
  std::vector<uint16_t> bits(weight.size());
  for (size_t i = 0; i < bits.size(); ++i)
    bits[i] = quant::floatToBF16(weight[i]);
  storeWeight(linear, std::as_bytes(std::span(bits)));
}

void SmoothFold::storeWeight(graph::LinearOp linear, std::span<const std::byte> bits) {
  std::string name = nameOf(linear.getW()) + kFolded;
  store(name, RankedTensorType::get(typeOf(linear.getW()).getShape(), BFloat16Type::get(module.getContext())), bits);
  edits[&linear.getWMutable()].whole = name;
}

LogicalResult SmoothFold::rewrite(OpOperand &use, const Edit &edit) {
  Value weight = use.get();
  Location loc = use.getOwner()->getLoc();
  StringRef root = rootSymbol(weight);
  auto function = use.getOwner()->getParentOfType<func::FuncOp>();
  if (root.empty() || !typeOf(weight).getElementType().isF32())
    return use.getOwner()->emitError() << "weight " << weight.getType()
                                       << " must be f32 and follow from parameters; smoothing comes before "
                                          "qcc-lower-precision";
  OpBuilder builder(function);
  auto derived = graph::DerivedOp::create(builder, weight.getLoc(), nameOf(weight), TypeRange(weight.getType()));
  symbols.insert(derived); // gives it another name where there is one
  OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
  auto read = [&](const std::string &name) {
    auto parameter = symbols.lookup<graph::ParameterOp>(name);
    return graph::GetOp::create(body, loc, TypeRange(parameter.getType()), parameter.getSymName()).getResult(0);
  };
  Value value;
  if (!edit.whole.empty()) {
    value = graph::CastOp::create(body, loc, weight.getType(), read(edit.whole));
  } else {
    IRMapping mapping;
    value = cloneWeight(weight, body, mapping);
    if (!value)
      return use.getOwner()->emitError() << "weight " << root << " does not follow from parameters alone";
    if (!edit.columns.empty())
      value = graph::MulOp::create(body, loc, value.getType(), value, read(edit.columns));
    if (!edit.rows.empty()) {
      Value rows = read(edit.rows);
      if (typeOf(value).getRank() == 2)
        rows = graph::BroadcastOp::create(body, loc, value.getType(), rows);
      value = graph::DivOp::create(body, loc, value.getType(), value, rows);
    }
  }
  graph::YieldOp::create(body, loc, value);
  builder.setInsertionPoint(use.getOwner());
  use.set(
      graph::GetOp::create(builder, weight.getLoc(), TypeRange(weight.getType()), derived.getSymName()).getResult(0));
  return success();
}

LogicalResult SmoothFold::apply() {
  for (auto &[use, edit] : edits)
    if (failed(rewrite(*use, edit)))
      return failure();
  for (auto function : module.getOps<func::FuncOp>())
    eraseDeadReads(function);
  edits.clear();
  return success();
}

bool SmoothFold::restore(const std::string &workDirectory, MutableArrayRef<SmoothPair> pairs,
                         ArrayRef<graph::LinearOp> linears) {
  std::optional<hf::SafetensorsFile> opened = openFinished(workDirectory + "/" + file, key);
  if (!opened)
    return false;
  isRestored = true;
  for (SmoothPair &pair : pairs) {
    std::span<const std::byte> bytes =
        bytesOf(*opened, nameOf(dividedOf(pair).get()) + kVector, DType::F32, pair.channels());
    if (bytes.empty())
      continue;
    std::vector<float> s(bytes.size() / sizeof(float));
    std::memcpy(s.data(), bytes.data(), bytes.size());
    fold(pair, s);
  }
  for (graph::LinearOp linear : linears)
    if (std::span<const std::byte> bits =
            bytesOf(*opened, nameOf(linear.getW()) + kFolded, DType::BF16, typeOf(linear.getW()).getNumElements());
        !bits.empty())
      storeWeight(linear, bits);
  reports = reportsOf(*opened);
  return true;
}

SearchedValues SmoothFold::searched() const {
  SearchedValues values;
  for (const llvm::json::Value &report : reports) {
    const llvm::json::Object *object = report.getAsObject();
    if (!object)
      continue;
    if (std::optional<StringRef> pair = object->getString("pair"))
      values[pair->str()][suffix] = object->getString("choice").value_or("none").str();
    if (std::optional<StringRef> clip = object->getString("clip"))
      values[clip->str()]["clip"] = object->getBoolean("kept").value_or(false) ? "true" : "false";
  }
  return values;
}

Status SmoothFold::write(const std::string &workDirectory) {
  if (isRestored || edits.empty())
    return {};
  writer.metadata[kWorkReport] = llvm::formatv("{0}", llvm::json::Value(llvm::json::Array(reports))).str();
  if (key.empty()) {
    file = workFileName(label, writer.contentHash());
    for (graph::ParameterOp parameter : parameters)
      parameter.setFile(file);
  } else {
    writer.metadata[kWorkKey] = key;
  }
  Status status = writer.write(workDirectory, file);
  writer = {};
  return status;
}

} // namespace qcc
