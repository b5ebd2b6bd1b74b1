//===- MmaLayout.h - fragments of mma.sync m16n8k* ------------------------===//
//
// PTX ISA 9.0, 9.7.14.5 "Matrix fragments for mma.m16n8k*", formula by formula and one case per
// shape as printed there, not simplified.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_TEST_MMALAYOUT_H
#define QCCSIM_TEST_MMALAYOUT_H

namespace qccsim::test {

struct Position {
  int row, column;
};

/// Where element i of lane's A fragment lies, in the PTX ISA's words for each shape: elements
/// a0.., `groupID = lane >> 2`, `threadID_in_group = lane % 4`.
inline Position positionA(int bits, int k, int lane, int i) {
  int group = lane >> 2, thread = lane % 4;
  switch (bits) {
  case 16: // m16n8k8: a0..a3; m16n8k16: a0..a7
    if (k == 8)
      return {i < 2 ? group : group + 8, thread * 2 + (i & 1)};
    return {(i < 2 || (i >= 4 && i < 6)) ? group : group + 8, thread * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
  case 32: // tf32 m16n8k4: a0, a1; m16n8k8: a0..a3
    return {(i == 0 || i == 2) ? group : group + 8, i < 2 ? thread : thread + 4};
  default: // 8 bits, m16n8k16: a0..a7; m16n8k32: a0..a15
    if (k == 16)
      return {i < 4 ? group : group + 8, thread * 4 + (i & 3)};
    return {(i < 4 || (i >= 8 && i < 12)) ? group : group + 8, thread * 4 + (i & 3) + (i < 8 ? 0 : 16)};
  }
}

/// The same for B; row is k, column n.
inline Position positionB(int bits, int lane, int i) {
  int group = lane >> 2, thread = lane % 4;
  switch (bits) {
  case 16:
    return {thread * 2 + (i & 1) + (i >= 2 ? 8 : 0), group};
  case 32:
    return {i == 0 ? thread : thread + 4, group};
  default:
    return {thread * 4 + (i & 3) + (i >= 4 ? 16 : 0), group};
  }
}

/// C and D: c0..c3, the same for every type.
inline Position positionC(int lane, int i) { return {i < 2 ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 2 + (i & 1)}; }

} // namespace qccsim::test

#endif // QCCSIM_TEST_MMALAYOUT_H
