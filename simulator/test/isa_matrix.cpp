//===- isa_matrix.cpp - ldmatrix, stmatrix, movmatrix ---------------------===//
//
// PTX ISA 9.0, 9.7.14.5.15 to 17. Shared memory is filled with its own 16-bit element numbers, so
// that an element's value says where it came from.
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace qccsim;
using namespace qccsim::test;

namespace {

/// Fills 2048 bytes of shared memory with element numbers: lane l writes elements 32l to 32l+31.
const std::string fillShared = R"(
  .shared .align 128 .b8 buffer[2048];
  mov.u32 %r10, buffer;
  mad.lo.u32 %r11, %r0, 64, %r10;
  mul.lo.u32 %r12, %r0, 32;
  mad.lo.u32 %r13, %r12, 65537, 65536;
  mov.u32 %r14, 0;
fill:
  st.shared.u32 [%r11], %r13;
  add.u32 %r13, %r13, 131074;
  add.u32 %r11, %r11, 4;
  add.u32 %r14, %r14, 1;
  setp.lt.u32 %p1, %r14, 16;
  @%p1 bra fill;
  bar.sync 0;
)";

std::string store(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "  st.global.u32 [%rd1+" + std::to_string(256 * i) + "], %r" + std::to_string(20 + i) + ";\n";
  return text;
}

/// Element number at byte `offset` of the buffer.
uint32_t elementAt(int offset) { return uint32_t(offset / 2); }

} // namespace

TEST(IsaLdmatrix, X4TakesRowsFromEachEighthOfTheLanes) {
  // Lane 8i+r gives row r of matrix i; rows lie scattered: matrix i, row r at 16 * (r * 8 + 2 * i).
  std::string body = fillShared + R"(
  shr.u32 %r15, %r0, 3;
  and.b32 %r16, %r0, 7;
  shl.b32 %r17, %r16, 7;
  shl.b32 %r18, %r15, 5;
  add.u32 %r17, %r17, %r18;
  add.u32 %r17, %r17, %r10;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20, %r21, %r22, %r23}, [%r17];
)" + store(4);
  std::vector<uint64_t> out = evaluate(body, {});
  for (int matrix = 0; matrix < 4; ++matrix)
    for (int lane = 0; lane < 32; ++lane) {
      int row = lane / 4, column = lane % 4 * 2;
      int address = 16 * (row * 8 + 2 * matrix) + 2 * column;
      uint32_t expected = elementAt(address + 2) << 16 | elementAt(address);
      ASSERT_EQ(uint32_t(out[matrix * 32 + lane]), expected) << matrix << " lane " << lane;
    }
}

TEST(IsaLdmatrix, TransposedX2AndX1UseOnlyTheirLanesAddresses) {
  // Lanes without a row hold an address outside the buffer, which must not be looked at.
  for (int count : {1, 2}) {
    std::string body = fillShared + R"(
  shl.b32 %r17, %r0, 4;
  add.u32 %r17, %r17, %r10;
  setp.ge.u32 %p2, %r0, )" +
                       std::to_string(8 * count) +
                       R"(;
  @%p2 mov.u32 %r17, 4000000;
  ldmatrix.sync.aligned.m8n8.x)" +
                       std::to_string(count) + ".trans.shared.b16 " + (count == 1 ? "{%r20}" : "{%r20, %r21}") +
                       ", [%r17];\n" + store(count);
    std::vector<uint64_t> out = evaluate(body, {});
    for (int matrix = 0; matrix < count; ++matrix)
      for (int lane = 0; lane < 32; ++lane) {
        // Transposed: lane holds rows 2 * (lane % 4) and the next of column lane / 4.
        int row = lane % 4 * 2, column = lane / 4;
        int address = 16 * (matrix * 8 + row) + 2 * column;
        uint32_t expected = elementAt(address + 16) << 16 | elementAt(address);
        ASSERT_EQ(uint32_t(out[matrix * 32 + lane]), expected) << matrix << " lane " << lane;
      }
  }
}

TEST(IsaLdmatrix, MisalignedOrForeignRowsAreErrors) {
  std::string start = fillShared + "  shl.b32 %r17, %r0, 4;\n  add.u32 %r17, %r17, %r10;\n";
  std::string load = "  ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r20}, [%r17];\n";
  EXPECT_SIM_ERROR(evaluate(start + "  add.u32 %r17, %r17, 8;\n" + load, {}), ErrorKind::MisalignedAddress, "ldmatrix");
  EXPECT_SIM_ERROR(evaluate(start + "  add.u32 %r17, %r17, 65536;\n" + load, {}), ErrorKind::IllegalAddress,
                   "ldmatrix");
}

TEST(IsaStmatrix, IsTheInverseOfLdmatrix) {
  for (const char *transposed : {"", ".trans"}) {
    std::string body = fillShared + R"(
  .shared .align 16 .b8 second[512];
  mov.u32 %r30, second;
  shl.b32 %r17, %r0, 4;
  add.u32 %r18, %r17, %r30;
  add.u32 %r17, %r17, %r10;
  ldmatrix.sync.aligned.m8n8.x4)" +
                       std::string(transposed) +
                       R"(.shared.b16 {%r20, %r21, %r22, %r23}, [%r17];
  stmatrix.sync.aligned.m8n8.x4)" +
                       transposed + R"(.shared.b16 [%r18], {%r20, %r21, %r22, %r23};
  bar.sync 0;
  shl.b32 %r19, %r0, 2;
  add.u32 %r19, %r19, %r30;
  ld.shared.u32 %r20, [%r19];
  ld.shared.u32 %r21, [%r19+128];
  ld.shared.u32 %r22, [%r19+256];
  ld.shared.u32 %r23, [%r19+384];
)" + store(4);
    std::vector<uint64_t> out = evaluate(body, {});
    for (int i = 0; i < 128; ++i)
      ASSERT_EQ(uint32_t(out[i]), elementAt(4 * i + 2) << 16 | elementAt(4 * i)) << i;
  }
}

TEST(IsaMovmatrix, Transposes) {
  std::string body = R"(
  mul.lo.u32 %r12, %r0, 131074;
  add.u32 %r12, %r12, 65536;
  movmatrix.sync.aligned.m8n8.trans.b16 %r20, %r12;
)" + store(1);
  std::vector<uint64_t> out = evaluate(body, {});
  for (int lane = 0; lane < 32; ++lane) {
    int row = lane / 4, column = lane % 4 * 2;
    uint32_t low = uint32_t(column * 8 + row), high = uint32_t((column + 1) * 8 + row);
    ASSERT_EQ(uint32_t(out[lane]), high << 16 | low) << lane;
  }
}
