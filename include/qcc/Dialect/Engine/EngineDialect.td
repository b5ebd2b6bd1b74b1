//===- EngineDialect.td - Where and when -------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_ENGINE_DIALECT_TD
#define QCC_DIALECT_ENGINE_DIALECT_TD

include "mlir/IR/OpBase.td"

def EngineDialect : Dialect {
  let name = "engine";
  let cppNamespace = "::qcc::engine";
  let summary = "kernels, buffers, constants and launches: one to one the engine file's plan";
  let description = [{
    The engine phase leaves a module with one `engine.model`, the constants (each a result of a `graph.derived`, whose derivation stays in the module so
    that the bytes can be made), the buffers of one arena at fixed offsets, the kernels as CUDA source, and one `engine.entry` of launches.
    Nothing is decided later: writing the file compiles the sources, evaluates the derivations and encodes the plan.
  }];
  let useDefaultAttributePrinterParser = 1;
}

#endif // QCC_DIALECT_ENGINE_DIALECT_TD
