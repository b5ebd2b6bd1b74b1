//===- EngineDialect.cpp --------------------------------------------------===//

#include "qcc/Dialect/Engine/EngineDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qcc::engine;

#include "qcc/Dialect/Engine/EngineDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "qcc/Dialect/Engine/EngineAttrs.cpp.inc"

void EngineDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qcc/Dialect/Engine/EngineAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qcc/Dialect/Engine/EngineOps.cpp.inc"
      >();
}

bool qcc::engine::isSizeName(StringRef name) { return name.size() == 1 && StringRef("TBRQCP").contains(name); }

LogicalResult DimAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef size, int64_t multiplier,
                              int64_t divisor) {
  // dim_c1
  if (!size.empty() && !isSizeName(size))
    return emitError() << "unknown run-time size '" << size << "'; must be one of T, B, R, Q, C, P or empty";
  // dim_c2
  if (multiplier <= 0 || divisor <= 0)
    return emitError() << "multiplier " << multiplier << " and divisor " << divisor << " must be positive";
  return success();
}

LogicalResult SizeArgAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef size) {
  // size_c1
  if (!isSizeName(size))
    return emitError() << "unknown run-time size '" << size << "'; must be one of T, B, R, Q, C, P";
  return success();
}

LogicalResult CacheArgAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef which, int64_t layer) {
  // cache_c1
  if (which != "k" && which != "v")
    return emitError() << "cache part '" << which << "' must be \"k\" or \"v\"";
  // cache_c2
  if (layer < 0)
    return emitError() << "cache layer " << layer << " must not be negative";
  return success();
}
