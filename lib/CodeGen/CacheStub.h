//===- CacheStub.h - The K/V cache's part of a stub ---------------*- C++ -*-===//
#ifndef QCC_LIB_CODEGEN_CACHESTUB_H
#define QCC_LIB_CODEGEN_CACHESTUB_H

#include "Stub.h"

namespace qcc::codegen {

/// Empty, or why no kernel reads or writes such a cache.
inline std::string checkCacheType(ElemType kv) {
  if (kv == ElemType::BF16 || kv == ElemType::E4M3 || kv == ElemType::S8)
    return "";
  return std::string("cache type ") + nameOf(kv) + " must be bf16, e4m3 or s8";
}

/// The constant KV (common/cache.cuh).
inline void writeCacheType(Stub &stub, ElemType kv) {
  const char *name = kv == ElemType::E4M3 ? "E4M3" : kv == ElemType::S8 ? "S8" : "BF16";
  stub.constant("KV", std::string("qcc::CacheType::") + name);
}

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_CACHESTUB_H
