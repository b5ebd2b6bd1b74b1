//===- GraphDialect.cpp ---------------------------------------------------===//

#include "qcc/Dialect/Graph/GraphDialect.h"

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
    if (auto text = dyn_cast<StringAttr>(name); !text || !llvm::is_contained({"T", "B", "B1", "P", "R"}, text.getValue()))
      return op->emitError() << "unknown size " << name << " in graph.dims; must be one of T, B, B1, P, R";
  return success();
}

LogicalResult GraphDialect::verifyRegionArgAttribute(Operation *op, unsigned region, unsigned index, NamedAttribute attribute) {
  return verifyDims(op, attribute, op->getRegion(region).getArgument(index).getType());
}

LogicalResult GraphDialect::verifyRegionResultAttribute(Operation *op, unsigned region, unsigned index, NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  return verifyDims(op, attribute, function ? function.getResultTypes()[index] : Type());
}
