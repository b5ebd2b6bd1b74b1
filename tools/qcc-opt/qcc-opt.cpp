//===- qcc-opt.cpp - MLIR's driver with qcc's dialects and passes ---------===//

#include "qcc/Dialect/Engine/EngineDialect.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Dialect/Kernel/KernelDialect.h"
#include "qcc/Transforms/Numerics/CheckNumerics.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Schedule/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::math::MathDialect, qcc::graph::GraphDialect,
                  qcc::kernel::KernelDialect, qcc::engine::EngineDialect>();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  qcc::registerQccQuantizePasses();
  qcc::registerQccNumericsPasses();
  qcc::registerQccSchedulePasses();
  qcc::registerQuantizePipeline();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "qcc optimizer driver\n", registry));
}
