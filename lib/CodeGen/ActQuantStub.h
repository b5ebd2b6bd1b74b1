//===- ActQuantStub.h - Quantizing producers' part of a stub ------*- C++ -*-===//
#ifndef QCC_LIB_CODEGEN_ACTQUANTSTUB_H
#define QCC_LIB_CODEGEN_ACTQUANTSTUB_H

#include "Stub.h"

namespace qcc::codegen {

/// The constant QUANTIZE (common/quantize.cuh).
inline void writeQuantize(Stub &stub, ActQuant quant) {
  const char *names[] = {"None", "E4M3Token", "E4M3Group128", "E4M3Static", "S8Token", "S8Static"};
  stub.constant("QUANTIZE", std::string("qcc::ActQuant::") + names[int(quant)]);
}

/// The initializer of QuantScales: the parameter y_scale of dynamic kinds, static_scale of static ones.
inline std::string quantScales(Stub &stub, ActQuant quant) {
  if (isStatic(quant))
    return "{nullptr, " + stub.pointer("const float *", "static_scale") + "}";
  if (quant != ActQuant::None)
    return "{" + stub.pointer("float *", "y_scale", /*written=*/true) + ", nullptr}";
  return "{}";
}

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_ACTQUANTSTUB_H
