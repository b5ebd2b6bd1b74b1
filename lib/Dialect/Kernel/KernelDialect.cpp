//===- KernelDialect.cpp --------------------------------------------------===//

#include "qcc/Dialect/Kernel/KernelDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qcc::kernel;

#include "qcc/Dialect/Kernel/KernelDialect.cpp.inc"
#include "qcc/Dialect/Kernel/KernelEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "qcc/Dialect/Kernel/KernelAttrs.cpp.inc"

void KernelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qcc/Dialect/Kernel/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qcc/Dialect/Kernel/KernelOps.cpp.inc"
      >();
}

LogicalResult VariantAttr::verify(function_ref<InFlightDiagnostic()> emitError, DictionaryAttr bounds,
                                  DictionaryAttr config) {
  // variant_c1
  for (NamedAttribute bound : bounds) {
    auto value = dyn_cast<IntegerAttr>(bound.getValue());
    if (!symbolizeSize(bound.getName().getValue()) || !value || value.getInt() <= 0)
      return emitError() << "bound '" << bound.getName().getValue()
                         << "' must be one of T, B, R, Q, C, P with a positive integer";
  }
  // variant_c2
  for (NamedAttribute item : config)
    if (!isa<IntegerAttr>(item.getValue()))
      return emitError() << "configuration '" << item.getName().getValue() << "' must be an integer";
  return success();
}
