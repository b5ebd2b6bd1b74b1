//===- Carry.cpp - Extended-precision arithmetic (PTX ISA 9.0, 9.7.2) -----===//

#include "ops/Decode.h"
#include "ops/Lanes.h"

using namespace qccsim;
using ptx::Type;

namespace {

enum : uint8_t { carryIn = 1, carryOut = 2, subtract = 4, high = 8 };

/// d = a + b + CC.CF, or a - b - CC.CF; CC.CF is carry or borrow out.
template <class T> void execAdd(Warp &warp, const Inst &inst, uint32_t mask) {
  T *d = warp.reg<T>(inst.op[0]);
  const T *a = warp.reg<const T>(inst.op[1]), *b = warp.reg<const T>(inst.op[2]);
  T sums[32];
  uint32_t carries = 0;
  for (unsigned l = 0; l < 32; ++l) {
    unsigned __int128 carry = inst.mode & carryIn ? warp.carry >> l & 1 : 0;
    unsigned __int128 left = a[l], right = b[l];
    unsigned __int128 sum = inst.mode & subtract ? left - right - carry : left + right + carry;
    sums[l] = T(sum);
    carries |= uint32_t(sum >> (8 * sizeof(T)) & 1) << l;
  }
  storeLanes(d, sums, mask);
  if (inst.mode & carryOut)
    warp.carry = (warp.carry & ~mask) | (carries & mask);
}

template <class T, class Wide> void execMad(Warp &warp, const Inst &inst, uint32_t mask) {
  using U = std::make_unsigned_t<T>;
  U *d = warp.reg<U>(inst.op[0]);
  const U *a = warp.reg<const U>(inst.op[1]), *b = warp.reg<const U>(inst.op[2]), *c = warp.reg<const U>(inst.op[3]);
  U sums[32];
  uint32_t carries = 0;
  for (unsigned l = 0; l < 32; ++l) {
    Wide product = Wide(T(a[l])) * Wide(T(b[l]));
    U part = U(inst.mode & high ? product >> (8 * sizeof(T)) : product);
    unsigned __int128 sum = part;
    sum += c[l];
    if (inst.mode & carryIn)
      sum += warp.carry >> l & 1;
    sums[l] = U(sum);
    carries |= uint32_t(sum >> (8 * sizeof(T)) & 1) << l;
  }
  storeLanes(d, sums, mask);
  if (inst.mode & carryOut)
    warp.carry = (warp.carry & ~mask) | (carries & mask);
}

} // namespace

void qccsim::decodeAddCarry(InstBuilder &b, bool isSubtract) {
  bool in = b.st.parts[0].ends_with('c');
  bool out = !in || b.take("cc");
  Type type = b.takeType();
  b.inst.mode = (in ? carryIn : 0) | (out ? carryOut : 0) | (isSubtract ? subtract : 0);
  if (!ptx::isInteger(type) || ptx::bitsOf(type) < 32)
    b.fail("needs a 32-bit or 64-bit integer type");
  emitElementwise(b, type, 2, ptx::bitsOf(type) == 64 ? execAdd<uint64_t> : execAdd<uint32_t>);
}

void qccsim::decodeMadCarry(InstBuilder &b, int mode, bool in) {
  bool out = !in || b.take("cc");
  Type type = b.takeType();
  b.inst.mode = (in ? carryIn : 0) | (out ? carryOut : 0) | (mode == 1 ? high : 0);
  if (mode != 0 && mode != 1)
    b.fail("needs '.lo' or '.hi'");
  Handler handler = nullptr;
  if (type == Type::U32)
    handler = execMad<uint32_t, uint64_t>;
  else if (type == Type::S32)
    handler = execMad<int32_t, int64_t>;
  else if (type == Type::U64)
    handler = execMad<uint64_t, unsigned __int128>;
  else if (type == Type::S64)
    handler = execMad<int64_t, __int128>;
  emitElementwise(b, type, 3, handler);
}
