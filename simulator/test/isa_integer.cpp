//===- isa_integer.cpp - Integer and bit instructions (PTX ISA 9.0, 9.7.1, 9.7.8)
//
// The expected values restate the ISA's pseudo-code, bit by bit where it does.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"

#include <bit>

using namespace qccsim;
using namespace qccsim::test;

namespace {

using S = int64_t;
using U = uint64_t;
using Wide = __int128;

S sign(U v, unsigned bits) { return S(v << (64 - bits)) >> (64 - bits); }

struct IntType {
  std::string name;
  unsigned bits;
  bool isSigned;
  Wide value(U v) const { return isSigned ? Wide(sign(v, bits)) : Wide(v); }
};
const IntType types[] = {{"u16", 16, false}, {"s16", 16, true},  {"u32", 32, false},
                         {"s32", 32, true},  {"u64", 64, false}, {"s64", 64, true}};

void check(const std::string &instruction, unsigned d, std::vector<unsigned> sources, const Expected &expected) {
  checkElementwise(instruction, d, std::move(sources), integerValues(), expected);
}

TEST(Integer, arithmetic) {
  for (const IntType &t : types) {
    unsigned n = t.bits;
    auto op = [&](const std::string &name) { return name + "." + t.name + " D, A, B;"; };
    check(op("add"), n, {n, n}, [&](U a, U b, U) { return U(t.value(a) + t.value(b)); });
    check(op("sub"), n, {n, n}, [&](U a, U b, U) { return U(t.value(a) - t.value(b)); });
    check(op("min"), n, {n, n}, [&](U a, U b, U) { return t.value(a) < t.value(b) ? a : b; });
    check(op("max"), n, {n, n}, [&](U a, U b, U) { return t.value(a) > t.value(b) ? a : b; });
    check(op("mul.lo"), n, {n, n}, [&](U a, U b, U) { return a * b; });
    check(op("mul.hi"), n, {n, n}, [&](U a, U b, U) {
      if (t.isSigned)
        return U((t.value(a) * t.value(b)) >> n);
      return U(((unsigned __int128)(a)*b) >> n);
    });
    check("mad.lo." + t.name + " D, A, B, C;", n, {n, n, n}, [&](U a, U b, U c) { return a * b + c; });
    check("sad." + t.name + " D, A, B, C;", n, {n, n, n}, [&](U a, U b, U c) {
      Wide d = t.value(a) - t.value(b);
      return U(c + U(d < 0 ? -d : d));
    });
    if (n < 64) {
      check(op("mul.wide"), 2 * n, {n, n}, [&](U a, U b, U) { return U(t.value(a) * t.value(b)); });
      check("mad.wide." + t.name + " D, A, B, C;", 2 * n, {n, n, 2 * n},
            [&](U a, U b, U c) { return U(t.value(a) * t.value(b)) + c; });
    }
    // The ISA leaves division by zero open.
    check("div." + t.name + " D, A, B;", n, {n, n},
          [&](U a, U b, U) { return t.value(b) == 0 ? ~U(0) : U(t.value(a) / t.value(b)); });
    check("rem." + t.name + " D, A, B;", n, {n, n},
          [&](U a, U b, U) { return t.value(b) == 0 ? a : U(t.value(a) % t.value(b)); });
    if (t.isSigned) {
      check("abs." + t.name + " D, A;", n, {n},
            [&](U a, U, U) { return U(t.value(a) < 0 ? -t.value(a) : t.value(a)); });
      check("neg." + t.name + " D, A;", n, {n}, [&](U a, U, U) { return U(-t.value(a)); });
    }
  }
}

TEST(Integer, saturationAnd24Bits) {
  auto clamp = [](Wide v) { return U(v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : S(v)); };
  check("add.sat.s32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) { return clamp(Wide(sign(a, 32)) + sign(b, 32)); });
  check("sub.sat.s32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) { return clamp(Wide(sign(a, 32)) - sign(b, 32)); });
  check("mad.hi.sat.s32 D, A, B, C;", 32, {32, 32, 32},
        [&](U a, U b, U c) { return clamp((Wide(sign(a, 32)) * sign(b, 32) >> 32) + sign(c, 32)); });
  check("mul24.lo.s32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return U(sign(a, 24) * sign(b, 24)); });
  check("mul24.hi.u32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return (a & 0xffffff) * (b & 0xffffff) >> 16; });
  check("mad24.lo.u32 D, A, B, C;", 32, {32, 32, 32},
        [](U a, U b, U c) { return (a & 0xffffff) * (b & 0xffffff) + c; });
}

TEST(Integer, carries) {
  // A 64-bit sum and difference from 32-bit halves.
  check("{.reg .b32 x<4>, y<4>; mov.b64 {x0, x1}, A; mov.b64 {y0, y1}, B; "
        "add.cc.u32 x0, x0, y0; addc.u32 x1, x1, y1; mov.b64 D, {x0, x1};}",
        64, {64, 64}, [](U a, U b, U) { return a + b; });
  check("{.reg .b32 x<4>, y<4>; mov.b64 {x0, x1}, A; mov.b64 {y0, y1}, B; "
        "sub.cc.u32 x0, x0, y0; subc.u32 x1, x1, y1; mov.b64 D, {x0, x1};}",
        64, {64, 64}, [](U a, U b, U) { return a - b; });
  // The upper half of a 64-bit product from 32-bit ones, as compilers write it.
  check("{.reg .b32 x<4>, y<4>; mov.b64 {x0, x1}, A; mov.b64 {y0, y1}, B; "
        "mul.hi.u32 x2, x0, y0; mad.lo.cc.u32 x2, x1, y0, x2; madc.hi.u32 x3, x1, y0, 0; "
        "mad.lo.cc.u32 x2, x0, y1, x2; madc.hi.cc.u32 x3, x0, y1, x3; addc.u32 y2, 0, 0; "
        "mad.lo.cc.u32 x3, x1, y1, x3; madc.hi.u32 y2, x1, y1, y2; mov.b64 D, {x3, y2};}",
        64, {64, 64}, [](U a, U b, U) { return U((unsigned __int128)(a)*b >> 64); });
}

TEST(Integer, logicAndShifts) {
  for (unsigned n : {16u, 32u, 64u}) {
    std::string b = ".b" + std::to_string(n);
    check("and" + b + " D, A, B;", n, {n, n}, [](U a, U b, U) { return a & b; });
    check("or" + b + " D, A, B;", n, {n, n}, [](U a, U b, U) { return a | b; });
    check("xor" + b + " D, A, B;", n, {n, n}, [](U a, U b, U) { return a ^ b; });
    check("not" + b + " D, A;", n, {n}, [](U a, U, U) { return ~a; });
    check("cnot" + b + " D, A;", n, {n}, [](U a, U, U) { return U(a == 0); });
    check("shl" + b + " D, A, B;", n, {n, 32}, [n](U a, U b, U) { return b >= n ? 0 : a << b; });
    check("shr.u" + std::to_string(n) + " D, A, B;", n, {n, 32}, [n](U a, U b, U) { return b >= n ? 0 : a >> b; });
    check("shr.s" + std::to_string(n) + " D, A, B;", n, {n, 32},
          [n](U a, U b, U) { return U(sign(a, n) >> (b >= n ? n - 1 : b)); });
  }
  check("shf.l.wrap.b32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) { return (b << 32 | a) << (c & 31) >> 32; });
  check("shf.r.wrap.b32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) { return (b << 32 | a) >> (c & 31); });
  check("shf.l.clamp.b32 D, A, B, C;", 32, {32, 32, 32},
        [](U a, U b, U c) { return (b << 32 | a) << std::min<U>(c, 32) >> 32; });
  check("shf.r.clamp.b32 D, A, B, C;", 32, {32, 32, 32},
        [](U a, U b, U c) { return (b << 32 | a) >> std::min<U>(c, 32); });
}

TEST(Integer, lop3AllTables) {
  for (unsigned table = 0; table < 256; table += table < 8 ? 1 : 31)
    check("lop3.b32 D, A, B, C, " + std::to_string(table) + ";", 32, {32, 32, 32}, [table](U a, U b, U c) {
      U d = 0;
      for (unsigned i = 0; i < 32; ++i) {
        unsigned index = (a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1);
        d |= U(table >> index & 1) << i;
      }
      return d;
    });
}

TEST(Integer, bitFields) {
  for (const IntType &t : types) {
    if (t.bits == 16)
      continue;
    int msb = int(t.bits) - 1;
    check("bfe." + t.name + " D, A, B, C;", t.bits, {t.bits, 32, 32}, [&](U a, U b, U c) {
      int pos = b & 0xff, len = c & 0xff;
      bool signBit = t.isSigned && len && (a >> std::min(pos + len - 1, msb) & 1);
      U d = 0;
      for (int i = 0; i <= msb; ++i)
        d |= U(i < len && pos + i <= msb ? a >> (pos + i) & 1 : signBit) << i;
      return d;
    });
    check("bfind." + t.name + " D, A;", 32, {t.bits}, [&](U a, U, U) {
      U v = t.isSigned && sign(a, t.bits) < 0 ? ~a : a;
      for (int i = msb; i >= 0; --i)
        if (v >> i & 1)
          return U(i);
      return U(0xffffffff);
    });
    check("bfind.shiftamt." + t.name + " D, A;", 32, {t.bits}, [&](U a, U, U) {
      U v = t.isSigned && sign(a, t.bits) < 0 ? ~a : a;
      for (int i = msb; i >= 0; --i)
        if (v >> i & 1)
          return U(msb - i);
      return U(0xffffffff);
    });
  }
  for (unsigned n : {32u, 64u}) {
    std::string b = ".b" + std::to_string(n);
    for (unsigned len : {0u, 1u, 8u, 31u, 64u})
      check("bfi" + b + " D, A, B, C, " + std::to_string(len) + ";", n, {n, n, 32}, [n, len](U a, U b, U c) {
        unsigned pos = c & 0xff;
        U f = b;
        for (unsigned i = 0; i < len && pos + i < n; ++i)
          f = (f & ~(U(1) << (pos + i))) | (a >> i & 1) << (pos + i);
        return f;
      });
    check("popc" + b + " D, A;", 32, {n}, [](U a, U, U) { return U(std::popcount(a)); });
    check("clz" + b + " D, A;", 32, {n}, [n](U a, U, U) { return U(std::countl_zero(a)) - (64 - n); });
    check("brev" + b + " D, A;", n, {n}, [n](U a, U, U) {
      U d = 0;
      for (unsigned i = 0; i < n; ++i)
        d |= (a >> i & 1) << (n - 1 - i);
      return d;
    });
  }
}

TEST(Integer, prmt) {
  auto byte = [](U a, U b, unsigned i) { return (b << 32 | a) >> (8 * i) & 0xff; };
  check("prmt.b32 D, A, B, C;", 32, {32, 32, 32}, [&](U a, U b, U c) {
    U d = 0;
    for (unsigned i = 0; i < 4; ++i) {
      unsigned s = c >> (4 * i) & 15;
      U v = byte(a, b, s & 7);
      d |= (s & 8 ? (v & 0x80 ? 0xff : 0) : v) << (8 * i);
    }
    return d;
  });
  auto select = [&](U a, U b, std::array<unsigned, 4> s) { // b3 first, as in the ISA's table
    return byte(a, b, s[0]) << 24 | byte(a, b, s[1]) << 16 | byte(a, b, s[2]) << 8 | byte(a, b, s[3]);
  };
  check("prmt.b32.f4e D, A, B, C;", 32, {32, 32, 32}, [&](U a, U b, U c) {
    unsigned s = c & 3;
    return select(a, b, {s + 3, s + 2, s + 1, s});
  });
  check("prmt.b32.b4e D, A, B, C;", 32, {32, 32, 32}, [&](U a, U b, U c) {
    unsigned s = c & 3;
    return select(a, b, {(s + 5) & 7, (s + 6) & 7, (s + 7) & 7, s});
  });
  check("prmt.b32.rc16 D, A, B, C;", 32, {32, 32, 32}, [&](U a, U b, U c) {
    unsigned s = c & 1 ? 2 : 0;
    return select(a, b, {s + 1, s, s + 1, s});
  });
}

TEST(Integer, dotProducts) {
  check("dp4a.s32.s32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) {
    for (unsigned i = 0; i < 32; i += 8)
      c += U(sign(a >> i, 8) * sign(b >> i, 8));
    return c;
  });
  check("dp4a.u32.s32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) {
    for (unsigned i = 0; i < 32; i += 8)
      c += U(S(a >> i & 0xff) * sign(b >> i, 8));
    return c;
  });
  check("dp2a.hi.s32.u32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) {
    return c + U(sign(a, 16) * S(b >> 16 & 0xff)) + U(sign(a >> 16, 16) * S(b >> 24 & 0xff));
  });
}

TEST(Integer, comparisonsAndSelection) {
  for (const IntType &t : types) {
    unsigned n = t.bits;
    struct {
      std::string name;
      bool (*holds)(Wide, Wide);
    } orders[] = {{"eq", [](Wide a, Wide b) { return a == b; }}, {"ne", [](Wide a, Wide b) { return a != b; }},
                  {"lt", [](Wide a, Wide b) { return a < b; }},  {"le", [](Wide a, Wide b) { return a <= b; }},
                  {"gt", [](Wide a, Wide b) { return a > b; }},  {"ge", [](Wide a, Wide b) { return a >= b; }}};
    for (const auto &order : orders) {
      std::string body = "{ .reg .pred p, q; setp." + order.name + "." + t.name +
                         " p|q, A, B; selp.b32 D, 2, 0, p; @q add.u32 D, D, 1; }";
      check(body, 32, {n, n}, [&](U a, U b, U) { return U(order.holds(t.value(a), t.value(b)) ? 2 : 1); });
    }
  }
  check("{ .reg .pred p, c; setp.lt.u32 c, A, 100; setp.gt.xor.s32 p, A, B, !c; "
        "selp.b32 D, A, B, p; }",
        32, {32, 32}, [](U a, U b, U) { return (sign(a, 32) > sign(b, 32)) != (a >= 100) ? a : b; });
  check("set.lo.u32.u32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return a < b ? ~U(0) : 0; });
  check("slct.u32.s32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) { return sign(c, 32) >= 0 ? a : b; });
}

TEST(Integer, movesPackAndUnpack) {
  check("{ .reg .b16 x<4>; mov.b64 {x0, x1, x2, x3}, A; mov.b64 D, {x3, x1, x0, x2}; }", 64, {64},
        [](U a, U, U) { return (a >> 48) | (a >> 16 & 0xffff) << 16 | (a & 0xffff) << 32 | (a >> 32 & 0xffff) << 48; });
  check("{ .reg .b16 x; mov.b32 {_, x}, A; mov.b32 D, {x, x}; }", 32, {32},
        [](U a, U, U) { return (a >> 16) * 0x10001; });
  EXPECT_EQ(evaluate("mov.u32 %r1, WARP_SZ; st.global.u32 [%rd1], %r1;", {})[31], 32u);
}

} // namespace
