//===- InstantiateAttention.cpp - attention/{prefill,decode,combine}.cuh --===//

#include "CacheStub.h"
#include "Families.h"
#include "Stub.h"
#include "Targets.h"

#include <algorithm>
#include <cmath>

namespace qcc::codegen {
namespace {

using Stage = AttentionDesc::Stage;

/// Bytes of a K or V tile in shared memory (attention/cache_tile.cuh).
int64_t tileBytes(const AttentionDesc &desc, int64_t rows) {
  int64_t chunks = desc.headDim * sizeOf(desc.kv) / 16;
  return rows * ((chunks | 1) * 16 + (desc.kv == ElemType::S8 ? int64_t(sizeof(float)) : 0));
}

void writeProblem(Stub &stub, const AttentionDesc &desc) {
  stub.integer("HEADS", desc.heads);
  stub.integer("KV_HEADS", desc.kvHeads);
  stub.integer("HEAD_DIM", desc.headDim);
  stub.integer("WINDOW", desc.window);
  writeCacheType(stub, desc.kv);
  stub.real("SCALE_LOG2E", float(desc.scale * 1.4426950408889634));
  stub.integer("Q_PITCH", desc.qPitch);
  stub.integer("OUT_PITCH", desc.outPitch);
  stub.integer("MAX_SPLITS", desc.maxSplits);
  stub.allowOneBlock();
}

/// The arguments that the two stages reading the cache share, as the initializer of AttentionArgs.
std::string cacheArguments(Stub &stub, const AttentionDesc &desc) {
  std::string call = "{" + stub.pointer("const qcc::u16 *", "q");
  for (const char *name : {"k_cache", "v_cache"})
    call += ", " + stub.pointer("const qcc::u8 *", name);
  for (const char *name : {"k_scale", "v_scale"})
    call += ", " + (desc.kv == ElemType::E4M3 ? stub.pointer("const float *", name) : "nullptr");
  for (const char *name : {"seq_starts", "context_lens", "block_tables"})
    call += ", " + stub.pointer("const int *", name);
  return call + ", " + stub.size("pages", Size::P) + "}";
}

KernelInstance instantiatePrefill(const AttentionDesc &desc, const KernelConfig &config, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS", "BLOCK_KV"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 8, error);
  int64_t blockKv = configValue(config, "BLOCK_KV", 16, kPageSize, error);
  int64_t bytes = 2 * 2 * tileBytes(desc, blockKv);
  if (error.empty() && kPageSize % blockKv != 0)
    error = "configuration: BLOCK_KV = " + std::to_string(blockKv) + " must divide the page of " +
            std::to_string(kPageSize);
  if (error.empty() && blockKv % 16 != 0)
    error = "configuration: BLOCK_KV = " + std::to_string(blockKv) + " must be a multiple of 16";
  if (error.empty() && bytes > kMaxSharedBytes)
    error = "configuration: BLOCK_KV = " + std::to_string(blockKv) + " needs " + std::to_string(bytes) +
            " bytes of shared memory; the limit is " + std::to_string(kMaxSharedBytes);
  if (!error.empty())
    return instance;

  Stub stub("attention", "attention/prefill.cuh");
  writeProblem(stub, desc);
  stub.integer("WARPS", warps);
  stub.integer("BLOCK_KV", blockKv);
  std::string arguments = cacheArguments(stub, desc);
  std::string y = stub.pointer("qcc::u16 *", "y", /*written=*/true);

  instance.grid = {GridDim{Size::Q, desc.heads / desc.kvHeads, 16 * warps}, GridDim{std::nullopt, desc.kvHeads, 1},
                   GridDim{Size::B, 1, 1}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  instance.dynamicSharedBytes = uint32_t(bytes);
  stub.finish(instance, "qcc::attentionPrefill<Problem>(" + arguments + ", " + y + ");");
  return instance;
}

KernelInstance instantiatePartial(const AttentionDesc &desc, const KernelConfig &config, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS", "STAGES"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 8, error);
  int64_t stages = configValue(config, "STAGES", 2, 8, error);
  int64_t merge = warps * 16 * (desc.headDim + 4) * 4;
  int64_t bytes = std::max(warps * stages * 2 * tileBytes(desc, 16), merge);
  if (error.empty() && bytes > kMaxSharedBytes)
    error = "configuration: WARPS = " + std::to_string(warps) + " and STAGES = " + std::to_string(stages) + " need " +
            std::to_string(bytes) + " bytes of shared memory; the limit is " + std::to_string(kMaxSharedBytes);
  if (!error.empty())
    return instance;

  Stub stub("attention", "attention/decode.cuh");
  writeProblem(stub, desc);
  stub.integer("WARPS", warps);
  stub.integer("STAGES", stages);
  std::string arguments = cacheArguments(stub, desc);
  std::string workspace = stub.pointer("float *", "workspace", /*written=*/true);

  int64_t rowTiles = ceilDiv(desc.heads / desc.kvHeads, 16);
  instance.grid = {GridDim{std::nullopt, desc.maxSplits, 1}, GridDim{std::nullopt, desc.kvHeads * rowTiles, 1},
                   GridDim{Size::B, 1, 1}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  instance.dynamicSharedBytes = uint32_t(bytes);
  stub.finish(instance, "qcc::attentionDecode<Problem>(" + arguments + ", " + workspace + ");");
  return instance;
}

KernelInstance instantiateCombine(const AttentionDesc &desc, const KernelConfig &config, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 32, error);
  if (!error.empty())
    return instance;

  Stub stub("attention", "attention/combine.cuh");
  writeProblem(stub, desc);
  stub.integer("WARPS", warps);
  std::string workspace = stub.pointer("const float *", "workspace");
  std::string starts = stub.pointer("const int *", "seq_starts");
  std::string contexts = stub.pointer("const int *", "context_lens");
  std::string y = stub.pointer("qcc::u16 *", "y", /*written=*/true);

  instance.grid = {GridDim{std::nullopt, desc.heads, warps}, GridDim{Size::B, 1, 1}, GridDim{}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  stub.finish(instance,
              "qcc::attentionCombine<Problem>(" + workspace + ", " + starts + ", " + contexts + ", " + y + ");");
  return instance;
}

} // namespace

std::string checkFamily(const AttentionDesc &desc, int target) {
  if (desc.headDim < 16 || desc.headDim > 256 || desc.headDim % 16 != 0)
    return "attention: headDim = " + std::to_string(desc.headDim) + " must be a multiple of 16 in [16, 256]";
  if (desc.kvHeads < 1 || desc.heads < 1 || desc.heads % desc.kvHeads != 0)
    return "attention: heads = " + std::to_string(desc.heads) +
           " must be a positive multiple of kvHeads = " + std::to_string(desc.kvHeads);
  if (std::string wrong = checkCacheType(desc.kv); !wrong.empty())
    return "attention: " + wrong;
  if (desc.window < 0 || desc.window > INT32_MAX)
    return "attention: window = " + std::to_string(desc.window) + " must lie in [0, 2147483647]";
  if (!(desc.scale > 0) || !std::isfinite(desc.scale))
    return "attention: scale = " + std::to_string(desc.scale) + " must be positive and finite";
  int64_t columns = desc.heads * desc.headDim;
  if (desc.qPitch < columns || desc.qPitch % 8 != 0 || desc.outPitch < columns || desc.outPitch % 8 != 0)
    return "attention: qPitch = " + std::to_string(desc.qPitch) + " and outPitch = " + std::to_string(desc.outPitch) +
           " must be multiples of 8 and at least " + std::to_string(columns);
  if (desc.maxSplits < 1 || desc.maxSplits > 1024)
    return "attention: maxSplits = " + std::to_string(desc.maxSplits) + " must lie in [1, 1024]";
  return "";
}

KernelInstance instantiateFamily(const AttentionDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  switch (desc.stage) {
  case Stage::Prefill:
    return instantiatePrefill(desc, config, error);
  case Stage::DecodePartial:
    return instantiatePartial(desc, config, error);
  case Stage::DecodeCombine:
    return instantiateCombine(desc, config, error);
  }
  error = "attention: unknown stage";
  return {};
}

} // namespace qcc::codegen
