//===- ConvertSpec.h - What a cvt does ------------------------------------===//

#ifndef QCCSIM_OPS_CONVERTSPEC_H
#define QCCSIM_OPS_CONVERTSPEC_H

#include "ir/Builder.h"
#include "num/Convert.h"

namespace qccsim {

struct ConvertSpec {
  ptx::Type to = ptx::Type::None, from = ptx::Type::None;
  Rounding rounding = Rounding::NearestEven;
  int8_t integerRounding = -1; ///< index into rni, rzi, rmi, rpi; -1: not to an integer
  bool ftz = false, sat = false, relu = false, satFinite = false;

  void pack(Inst &inst) const {
    inst.mode = static_cast<uint8_t>(to);
    inst.mode2 = static_cast<uint8_t>(from);
    inst.target = static_cast<uint32_t>(rounding) | uint32_t(integerRounding + 1) << 4 | uint32_t(ftz) << 8 |
                  uint32_t(sat) << 9 | uint32_t(relu) << 10 | uint32_t(satFinite) << 11;
  }
  static ConvertSpec unpack(const Inst &inst) {
    ConvertSpec spec;
    spec.to = static_cast<ptx::Type>(inst.mode);
    spec.from = static_cast<ptx::Type>(inst.mode2);
    spec.rounding = static_cast<Rounding>(inst.target & 15);
    spec.integerRounding = int8_t(inst.target >> 4 & 15) - 1;
    spec.ftz = inst.target >> 8 & 1;
    spec.sat = inst.target >> 9 & 1;
    spec.relu = inst.target >> 10 & 1;
    spec.satFinite = inst.target >> 11 & 1;
    return spec;
  }
};

/// f16x2, bf16x2, e4m3x2, e5m2x2 on either side (ConvertPacked.cpp).
bool isPackedConversion(const ConvertSpec &spec);
void decodePackedConversion(InstBuilder &b, const ConvertSpec &spec, bool hasRounding);

} // namespace qccsim

#endif // QCCSIM_OPS_CONVERTSPEC_H
