//===- Types.cpp - PTX types ----------------------------------------------===//

#include "ptx/Types.h"

#include <iterator>

using namespace qccsim::ptx;

static constexpr const char *names[] = {"",       "pred", "b8",  "b16", "b32",  "b64",  "b128",   "u8",    "u16",
                                        "u32",    "u64",  "s8",  "s16", "s32",  "s64",  "f16",    "f16x2", "bf16",
                                        "bf16x2", "tf32", "f32", "f64", "e4m3", "e5m2", "e4m3x2", "e5m2x2"};

Type qccsim::ptx::parseType(std::string_view name) {
  for (size_t i = 1; i < std::size(names); ++i)
    if (name == names[i])
      return static_cast<Type>(i);
  return Type::None;
}

const char *qccsim::ptx::toString(Type type) { return names[static_cast<unsigned>(type)]; }
