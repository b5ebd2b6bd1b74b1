//===- Names.h - The plan's enumerations in words -----------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_INSPECT_NAMES_H
#define QCC_TOOLS_QCC_INSPECT_NAMES_H

#include "EngineReader.h"
#include "Text.h"

namespace qcc_inspect {

namespace plan = qccrt::plan;

inline const char *nameOf(plan::Size size) { return plan::EnumNameSize(size); }
inline const char *nameOf(plan::KvType type) {
  switch (type) {
  case plan::KvType::BF16:
    return "bf16";
  case plan::KvType::E4M3:
    return "fp8 (e4m3)";
  case plan::KvType::I8:
    return "int8 (a scale per token and head)";
  }
  return "?";
}
/// As --kv-cache-dtype takes it.
inline const char *flagOf(plan::KvType type) {
  return type == plan::KvType::BF16 ? "bf16" : type == plan::KvType::E4M3 ? "fp8" : "int8";
}

/// sm_90, sm_90a, compute_80
inline std::string targetOf(const plan::Image &image) {
  return qccrt::text(image.kind() == plan::ImageKind::Cubin ? "sm_" : "compute_", image.target(),
                     image.specific() ? "a" : "");
}

/// ceil(T*4/64), T, 12
inline std::string textOf(const plan::Dim &dim) {
  bool sized = dim.size() != plan::Size::None;
  if (!sized)
    return std::to_string((dim.multiplier() + dim.divisor() - 1) / dim.divisor());
  std::string product = nameOf(dim.size());
  if (dim.multiplier() != 1)
    product += qccrt::text("*", dim.multiplier());
  return dim.divisor() == 1 ? product : qccrt::text("ceil(", product, "/", dim.divisor(), ")");
}

inline std::string textOf(const plan::Plan &plan, const plan::Arg &arg) {
  std::string suffix = arg.offset() ? qccrt::text("+", arg.offset()) : "";
  switch (arg.kind()) {
  case plan::ArgKind::Constant:
    return plan.constants()->Get(arg.index())->name()->str() + suffix;
  case plan::ArgKind::Buffer:
    return "%" + plan.buffers()->Get(arg.index())->name()->str() + suffix;
  case plan::ArgKind::KCache:
    return qccrt::text("k[", arg.index(), "]");
  case plan::ArgKind::VCache:
    return qccrt::text("v[", arg.index(), "]");
  case plan::ArgKind::Input:
    return "in:" + plan.inputs()->Get(arg.index())->str();
  case plan::ArgKind::Output:
    return "out:" + plan.outputs()->Get(arg.index())->str();
  case plan::ArgKind::Size:
    return nameOf(arg.size());
  }
  return "?";
}

} // namespace qcc_inspect

#endif // QCC_TOOLS_QCC_INSPECT_NAMES_H
