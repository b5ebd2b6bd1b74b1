//===- GraphDialect.cpp ---------------------------------------------------===//

#include "qcc/Dialect/Graph/GraphDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace qcc::graph;

#include "qcc/Dialect/Graph/GraphDialect.cpp.inc"
#include "qcc/Dialect/Graph/GraphEnums.cpp.inc"

void GraphDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "qcc/Dialect/Graph/GraphOps.cpp.inc"
      >();
}

/// `graph.dims = ["T", …]` on a function's argument or result of `type`.
static LogicalResult verifyDims(Operation *op, NamedAttribute attribute, Type type) {
  if (attribute.getName() != "graph.dims")
    return op->emitError() << "unknown attribute '" << attribute.getName().getValue() << "'; must be 'graph.dims'";
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto names = dyn_cast<ArrayAttr>(attribute.getValue());
  // dims_c1
  if (!tensor || !names || names.size() != size_t(tensor.getNumDynamicDims()))
    return op->emitError() << "graph.dims " << attribute.getValue() << " must name each dynamic dimension of " << type;
  // dims_c2
  for (Attribute name : names)
    if (auto text = dyn_cast<StringAttr>(name);
        !text || !llvm::is_contained({"T", "B", "B1", "P", "R"}, text.getValue()))
      return op->emitError() << "unknown size " << name << " in graph.dims; must be one of T, B, B1, P, R";
  return success();
}

LogicalResult GraphDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != "graph.model")
    return success();
  // model_c1
  auto model = dyn_cast<DictionaryAttr>(attribute.getValue());
  if (!model || !isa<ModuleOp>(op))
    return op->emitError() << "graph.model must be a dictionary on a module";
  auto require = [&](StringRef key, auto isValid, StringRef what) -> LogicalResult {
    Attribute value = model.get(key);
    if (value && isValid(value))
      return success();
    return op->emitError() << "graph.model must have " << key << ", " << what;
  };
  auto isText = [](Attribute value) { return isa<StringAttr>(value); };
  auto isPositive = [](Attribute value) { return isa<IntegerAttr>(value) && cast<IntegerAttr>(value).getInt() > 0; };
  // model_c2
  if (failed(require("name", isText, "a string")) || failed(require("architecture", isText, "a string")) ||
      failed(require("vocabulary", isPositive, "a positive integer")) ||
      failed(require("max_context", isPositive, "a positive integer")) ||
      failed(require("byte_vocabulary", llvm::IsaPred<BoolAttr>, "a boolean")) ||
      failed(require("eos_tokens", llvm::IsaPred<DenseI64ArrayAttr>, "an array<i64>")))
    return failure();
  return success();
}

LogicalResult GraphDialect::verifyRegionArgAttribute(Operation *op, unsigned region, unsigned index,
                                                     NamedAttribute attribute) {
  return verifyDims(op, attribute, op->getRegion(region).getArgument(index).getType());
}

LogicalResult GraphDialect::verifyRegionResultAttribute(Operation *op, unsigned region, unsigned index,
                                                        NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  return verifyDims(op, attribute, function ? function.getResultTypes()[index] : Type());
}
