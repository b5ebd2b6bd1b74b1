//===- InstantiateRopeAppend.cpp - rope_append/rope_append.cuh ------------===//

#include "CacheStub.h"
#include "Families.h"
#include "Stub.h"

#include <bit>

namespace qcc::codegen {
namespace {

std::string checkSlice(const char *name, const RowSlice &slice, int64_t columns) {
  if (slice.pitch % 8 != 0 || slice.offset % 8 != 0)
    return std::string("rope_append: ") + name + ": pitch " + std::to_string(slice.pitch) + " and offset " +
           std::to_string(slice.offset) + " must be multiples of 8";
  if (slice.offset < 0 || slice.offset + columns > slice.pitch)
    return std::string("rope_append: ") + name + ": columns " + std::to_string(slice.offset) + " to " +
           std::to_string(slice.offset + columns) + " must lie inside the pitch of " + std::to_string(slice.pitch);
  return "";
}

} // namespace

std::string checkFamily(const RopeAppendDesc &desc, int target) {
  if (desc.headDim < 16 || desc.headDim > 256 || desc.headDim % 16 != 0)
    return "rope_append: headDim = " + std::to_string(desc.headDim) + " must be a multiple of 16 in [16, 256]";
  if (desc.heads < 1 || desc.kvHeads < 1)
    return "rope_append: heads = " + std::to_string(desc.heads) + " and kvHeads = " + std::to_string(desc.kvHeads) +
           " must be at least 1";
  if (std::string wrong = checkCacheType(desc.kv); !wrong.empty())
    return "rope_append: " + wrong;
  if (desc.qPitch % 8 != 0 || desc.qPitch < desc.heads * desc.headDim)
    return "rope_append: qPitch = " + std::to_string(desc.qPitch) + " must be a multiple of 8 and at least " +
           std::to_string(desc.heads * desc.headDim);
  if (desc.tableRows < 1)
    return "rope_append: tableRows = " + std::to_string(desc.tableRows) + " must be at least 1";
  for (std::string wrong : {checkSlice("q_in", desc.qIn, desc.heads * desc.headDim),
                            checkSlice("k_in", desc.kIn, desc.kvHeads * desc.headDim),
                            checkSlice("v_in", desc.vIn, desc.kvHeads * desc.headDim)})
    if (!wrong.empty())
      return wrong;
  return "";
}

KernelInstance instantiateFamily(const RopeAppendDesc &desc, const KernelConfig &config, Size rows,
                                 std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 32, error);
  if (!error.empty())
    return instance;

  Stub stub("rope_append", "rope_append/rope_append.cuh");
  stub.integer("HEADS", desc.heads);
  stub.integer("KV_HEADS", desc.kvHeads);
  stub.integer("HEAD_DIM", desc.headDim);
  stub.integer("GROUP", int64_t(std::bit_ceil(uint64_t(desc.headDim / 16))));
  stub.integer("WARPS", warps);
  stub.integer("TABLE_ROWS", desc.tableRows);
  stub.integer("Q_PITCH", desc.qPitch);
  stub.integer("Q_IN_PITCH", desc.qIn.pitch);
  stub.integer("Q_IN_OFFSET", desc.qIn.offset);
  stub.integer("K_IN_PITCH", desc.kIn.pitch);
  stub.integer("K_IN_OFFSET", desc.kIn.offset);
  stub.integer("V_IN_PITCH", desc.vIn.pitch);
  stub.integer("V_IN_OFFSET", desc.vIn.offset);
  writeCacheType(stub, desc.kv);
  stub.flag("QK_NORM", desc.qkNorm);
  stub.real("EPS", float(desc.eps));

  std::string call = "qcc::ropeAppend<Problem>({";
  for (const char *name : {"q_in", "k_in", "v_in"})
    call += stub.pointer("const qcc::u16 *", name) + ", ";
  for (const char *name : {"positions", "slots"})
    call += stub.pointer("const int *", name) + ", ";
  call += stub.pointer("const float *", "rope_table") + ", ";
  for (const char *name : {"q_weight", "k_weight"})
    call += (desc.qkNorm ? stub.pointer("const qcc::u16 *", name) : "nullptr") + ", ";
  call += stub.pointer("qcc::u16 *", "q", /*written=*/true);
  for (const char *name : {"k_cache", "v_cache"})
    call += ", " + stub.pointer("void *", name, /*written=*/true);
  for (const char *name : {"k_scale", "v_scale"})
    call += ", " + (desc.kv == ElemType::E4M3 ? stub.pointer("const float *", name) : "nullptr");

  instance.grid = {GridDim{rows, 1, 1}, GridDim{}, GridDim{}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  stub.finish(instance, call + "});");
  return instance;
}

} // namespace qcc::codegen
