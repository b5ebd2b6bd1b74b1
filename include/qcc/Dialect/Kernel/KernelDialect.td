//===- KernelDialect.td - How it is computed ---------------*- tablegen -*-===//
#ifndef QCC_DIALECT_KERNEL_DIALECT_TD
#define QCC_DIALECT_KERNEL_DIALECT_TD

include "mlir/IR/OpBase.td"

def KernelDialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::qcc::kernel";
  let summary = "one op per kernel family, with its description and chosen variants";
  let description = [{
    The schedule phase turns `graph` ops into ops of this dialect. An op is one launch (or, for decode attention, two): it names the
    kernel family, holds the problem's constants, and lists the variants among which the run-time sizes choose. Weights are read
    with `graph.get` from derivations that already pack them into the kernel's layout; the K/V cache stays a `graph.kv_cache`.

    Fusable families carry a region of scalar `arith` and `math` ops: the GEMM's epilogue and the body of a point-wise kernel.
    Its block arguments are the accumulator (f32) or the inputs (their element types); a bf16-typed value in it is a rounding.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::qcc::graph::GraphDialect"];
  let useDefaultAttributePrinterParser = 1;
}

#endif // QCC_DIALECT_KERNEL_DIALECT_TD
