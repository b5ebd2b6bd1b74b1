//===- DType.cpp ----------------------------------------------------------===//

#include "qcc/Support/ParameterSource.h"

namespace qcc {

unsigned bitWidth(DType type) {
  switch (type) {
  case DType::F64:
  case DType::I64:
    return 64;
  case DType::F32:
  case DType::I32:
    return 32;
  case DType::F16:
  case DType::BF16:
  case DType::I16:
    return 16;
  case DType::E4M3:
  case DType::E5M2:
  case DType::I8:
  case DType::U8:
  case DType::Bool:
    return 8;
  case DType::I4:
    return 4;
  case DType::I3:
    return 3;
  case DType::I2:
    return 2;
  }
  return 0;
}

const char *nameOf(DType type) {
  switch (type) {
  case DType::F32:
    return "f32";
  case DType::F16:
    return "f16";
  case DType::BF16:
    return "bf16";
  case DType::F64:
    return "f64";
  case DType::E4M3:
    return "f8E4M3FN";
  case DType::E5M2:
    return "f8E5M2";
  case DType::I8:
    return "i8";
  case DType::U8:
    return "ui8";
  case DType::I16:
    return "i16";
  case DType::I32:
    return "i32";
  case DType::I64:
    return "i64";
  case DType::I2:
    return "i2";
  case DType::I3:
    return "i3";
  case DType::I4:
    return "i4";
  case DType::Bool:
    return "i1";
  }
  return "?";
}

} // namespace qcc
