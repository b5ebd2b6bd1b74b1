//===- EngineOps.cpp - Verifiers of the engine dialect --------------------===//

#include "qcc/Dialect/Engine/EngineDialect.h"

using namespace mlir;
using namespace qcc::engine;

#define GET_OP_CLASSES
#include "qcc/Dialect/Engine/EngineOps.cpp.inc"

LogicalResult ModelOp::verify() {
  // model_c1
  for (auto [name, value] : {std::pair<StringRef, int64_t>{"vocabulary", getVocabulary()},
                             {"max_context", getMaxContext()},
                             {"max_tokens", getMaxTokens()},
                             {"max_sequences", getMaxSequences()},
                             {"max_logit_rows", getMaxLogitRows()}})
    if (value <= 0)
      return emitOpError() << name << " is " << value << ", must be positive";
  // model_c2
  if (getMaxLogitRows() > getMaxTokens())
    return emitOpError() << "max_logit_rows " << getMaxLogitRows() << " exceeds max_tokens " << getMaxTokens();
  // model_c3
  for (BufferOp buffer : (*this)->getParentRegion()->getOps<BufferOp>())
    if (buffer.getOffset() + buffer.getBytes() > getArenaBytes())
      return (emitOpError() << "arena of " << getArenaBytes() << " bytes ends before buffer '" << buffer.getSymName()
                            << "'")
                 .attachNote(buffer.getLoc())
             << "buffer ends at " << buffer.getOffset() + buffer.getBytes();
  return success();
}

LogicalResult ConstantOp::verify() {
  // constant_c1
  if (bool(getSource()) == bool(getValue()) || bool(getSource()) != getResult().has_value())
    return emitOpError() << "must have either a source with a result number or a value";
  if (getSource()) {
    Operation *source = SymbolTable::lookupNearestSymbolFrom(*this, getSourceAttr());
    if (!source || source->getName().getStringRef() != "graph.derived")
      return emitOpError() << "source " << getSourceAttr() << " is not a graph.derived";
    auto types = source->getAttrOfType<ArrayAttr>("types");
    if (!types || *getResult() >= types.size())
      return emitOpError() << "source " << getSourceAttr() << " has no result " << *getResult();
  }
  // constant_c2
  if (int64_t(getBytes()) <= 0)
    return emitOpError() << "bytes " << int64_t(getBytes()) << " must be positive";
  // constant_c3
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat())
    return emitOpError() << "type " << getType() << " must be a static tensor of numbers";
  if (getValue() &&
      (!isa<DenseElementsAttr>(*getValue()) || getValue()->getType() != type || !type.getElementType().isF32()))
    return emitOpError() << "value must be dense f32 of the type " << type;
  int64_t bytes = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  if (int64_t(getBytes()) != bytes)
    return emitOpError() << "bytes " << getBytes() << " must be " << bytes << ", the size of " << type;
  return success();
}

LogicalResult BufferOp::verify() {
  // buffer_c1
  if (int64_t(getOffset()) < 0 || getOffset() % 256 != 0)
    return emitOpError() << "offset " << int64_t(getOffset()) << " must be a multiple of 256 and not negative";
  // buffer_c2
  if (int64_t(getBytes()) <= 0)
    return emitOpError() << "bytes " << int64_t(getBytes()) << " must be positive";
  return success();
}

LogicalResult KernelOp::verify() {
  // kernel_c1
  ArrayRef<int64_t> block = getBlock();
  int64_t threads = 1;
  for (int64_t extent : block)
    threads = extent > 0 && extent <= 1024 ? threads * extent : 0;
  if (block.size() != 3 || threads <= 0 || threads > 1024)
    return emitOpError() << "block must have three positive extents with at most 1024 threads";
  // kernel_c2
  if (getSharedBytes() > 232448)
    return emitOpError() << "shared memory of " << int64_t(getSharedBytes()) << " bytes is outside [0, 232448]";
  return success();
}

LogicalResult EntryOp::verify() {
  // entry_c1
  for (Operation &op : getBody().front())
    if (!isa<LaunchOp, ChoiceOp>(op))
      return (emitOpError() << "body holds '" << op.getName() << "', must hold engine.launch and engine.choice only");
  return success();
}

LogicalResult LaunchOp::verify() {
  // launch_c1
  if (getGrid().size() != 3 || !llvm::all_of(getGrid(), llvm::IsaPred<DimAttr>))
    return emitOpError() << "grid must be three #engine.dim";
  // launch_c2
  for (Attribute arg : getArgs())
    if (!isa<ConstantArgAttr, BufferArgAttr, InputArgAttr, OutputArgAttr, CacheArgAttr, SizeArgAttr>(arg))
      return emitOpError() << "argument " << arg << " must be #engine.const, buffer, input, output, cache or size";
  // launch_c4
  auto entry = (*this)->getParentOfType<EntryOp>();
  if (!entry)
    return emitOpError() << "must be inside an engine.entry";
  auto names = [](ArrayAttr list, StringRef name) {
    return llvm::any_of(list.getAsRange<StringAttr>(), [&](StringAttr item) { return item.getValue() == name; });
  };
  for (Attribute arg : getArgs()) {
    if (auto input = dyn_cast<InputArgAttr>(arg); input && !names(entry.getInputs(), input.getName()))
      return emitOpError() << "the entry has no input '" << input.getName() << "'";
    if (auto output = dyn_cast<OutputArgAttr>(arg); output && !names(entry.getOutputs(), output.getName()))
      return emitOpError() << "the entry has no output '" << output.getName() << "'";
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // launch_c3
  if (!symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr()))
    return emitOpError() << "no engine.kernel " << getKernelAttr();
  for (Attribute arg : getArgs()) {
    if (auto constant = dyn_cast<ConstantArgAttr>(arg);
        constant && !symbols.lookupNearestSymbolFrom<ConstantOp>(*this, constant.getSymbol()))
      return emitOpError() << "no engine.constant " << constant.getSymbol();
    if (auto buffer = dyn_cast<BufferArgAttr>(arg);
        buffer && !symbols.lookupNearestSymbolFrom<BufferOp>(*this, buffer.getSymbol()))
      return emitOpError() << "no engine.buffer " << buffer.getSymbol();
  }
  return success();
}

LogicalResult ChoiceOp::verify() {
  // choice_c1
  Block &body = getBody().front();
  if (body.empty() || !llvm::all_of(body, llvm::IsaPred<CaseOp>))
    return emitOpError() << "must hold engine.case ops, at least one, and nothing else";
  // choice_c2
  for (Operation &op : body)
    if (cast<CaseOp>(op).getBounds().empty() != (&op == &body.back()))
      return emitOpError() << "the last case, and no other, must be without bounds";
  return success();
}

LogicalResult CaseOp::verify() {
  // case_c1
  for (NamedAttribute bound : getBounds()) {
    auto value = dyn_cast<IntegerAttr>(bound.getValue());
    if (!isSizeName(bound.getName()) || !value || value.getInt() <= 0)
      return emitOpError() << "bound '" << bound.getName().getValue()
                           << "' must be one of T, B, R, Q, C, P with a positive integer";
  }
  return success();
}
