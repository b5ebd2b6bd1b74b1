//===- Lanes.h - Elementwise operations on 32 lanes -----------------------===//

#ifndef QCCSIM_OPS_LANES_H
#define QCCSIM_OPS_LANES_H

#include "exec/Warp.h"

#include <bit>
#include <cstdint>
#include <type_traits>

namespace qccsim {

/// How a value of type T lies in a register lane.
template <class T> using Lane = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T> inline T fromLane(Lane<T> bits) {
  if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<float>(bits);
  else if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(bits);
  else
    return static_cast<T>(bits);
}

template <class T> inline Lane<T> toLane(T value) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
    return std::bit_cast<Lane<T>>(value);
  else
    return static_cast<Lane<T>>(static_cast<std::make_unsigned_t<T>>(value));
}

// A result has its operand's place or another one, never a part of it, so iterations are
// independent; the compiler cannot know that.
#define QCCSIM_LANES _Pragma("GCC ivdep") for (unsigned l = 0; l < 32; ++l)

/// Stores the lanes that `mask` selects.
template <class L> inline void storeLanes(L *d, const L *values, uint32_t mask) {
  QCCSIM_LANES d[l] = (mask >> l & 1) ? values[l] : d[l];
}

/// Op::result(A) -> D over the lanes of `mask`; operands op[1] to op[0].
template <class Op, class D, class A> void execUnary(Warp &warp, const Inst &inst, uint32_t mask) {
  auto *d = warp.reg<Lane<D>>(inst.op[0]);
  const auto *a = warp.reg<const Lane<A>>(inst.op[1]);
  if (mask == ~0u) {
    QCCSIM_LANES d[l] = toLane<D>(Op::result(fromLane<A>(a[l])));
    return;
  }
  Lane<D> values[32];
  QCCSIM_LANES values[l] = toLane<D>(Op::result(fromLane<A>(a[l])));
  storeLanes(d, values, mask);
}

template <class Op, class D, class A, class B = A> void execBinary(Warp &warp, const Inst &inst, uint32_t mask) {
  auto *d = warp.reg<Lane<D>>(inst.op[0]);
  const auto *a = warp.reg<const Lane<A>>(inst.op[1]);
  const auto *b = warp.reg<const Lane<B>>(inst.op[2]);
  if (mask == ~0u) {
    QCCSIM_LANES d[l] = toLane<D>(Op::result(fromLane<A>(a[l]), fromLane<B>(b[l])));
    return;
  }
  Lane<D> values[32];
  QCCSIM_LANES values[l] = toLane<D>(Op::result(fromLane<A>(a[l]), fromLane<B>(b[l])));
  storeLanes(d, values, mask);
}

template <class Op, class D, class A, class B = A, class C = A>
void execTernary(Warp &warp, const Inst &inst, uint32_t mask) {
  auto *d = warp.reg<Lane<D>>(inst.op[0]);
  const auto *a = warp.reg<const Lane<A>>(inst.op[1]);
  const auto *b = warp.reg<const Lane<B>>(inst.op[2]);
  const auto *c = warp.reg<const Lane<C>>(inst.op[3]);
  if (mask == ~0u) {
    QCCSIM_LANES d[l] = toLane<D>(Op::result(fromLane<A>(a[l]), fromLane<B>(b[l]), fromLane<C>(c[l])));
    return;
  }
  Lane<D> values[32];
  QCCSIM_LANES values[l] = toLane<D>(Op::result(fromLane<A>(a[l]), fromLane<B>(b[l]), fromLane<C>(c[l])));
  storeLanes(d, values, mask);
}

} // namespace qccsim

#endif // QCCSIM_OPS_LANES_H
