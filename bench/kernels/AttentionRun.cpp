//===- AttentionRun.cpp ---------------------------------------------------===//

#include "AttentionRun.h"

#include "qcc/CodeGen/Attention.h"

namespace qcc::bench {

using namespace codegen;

namespace {

void bindCache(Launcher &launcher, const PagedCache &cache, const std::vector<uint16_t> &q) {
  launcher.size(Size::T, cache.tokens());
  launcher.size(Size::B, int64_t(cache.runs.size()));
  launcher.size(Size::Q, cache.longestRun());
  launcher.size(Size::C, cache.longestContext());
  launcher.size(Size::P, cache.pagesPerSequence);
  launcher.input("q", q);
  launcher.input("k_cache", cache.encodedK());
  launcher.input("v_cache", cache.encodedV());
  launcher.input("k_scale", cache.kScale);
  launcher.input("v_scale", cache.vScale);
  launcher.input("seq_starts", cache.seqStarts);
  launcher.input("context_lens", cache.contextLens);
  launcher.input("block_tables", cache.blockTables);
}

} // namespace

std::vector<uint16_t> runPrefill(Device &device, const PagedCache &cache, const std::vector<uint16_t> &q, int target,
                                 std::string &error) {
  Launcher launcher(device, cache.desc, target);
  bindCache(launcher, cache, q);
  launcher.output("y", size_t(cache.tokens() * cache.desc.outPitch * 2), 0xff);
  error = launcher.run();
  return launcher.read<uint16_t>("y");
}

std::vector<uint16_t> runDecode(Device &device, const PagedCache &cache, const std::vector<uint16_t> &q,
                                int64_t maxSplits, int target, std::string &error) {
  AttentionDesc desc = cache.desc;
  desc.maxSplits = maxSplits;
  desc.stage = AttentionDesc::Stage::DecodePartial;
  Launcher partial(device, desc, target);
  bindCache(partial, cache, q);
  partial.output("workspace", cache.runs.size() * size_t(decodeWorkspaceBytes(desc)), 0xff);
  error = partial.run();
  if (!error.empty())
    return {};

  desc.stage = AttentionDesc::Stage::DecodeCombine;
  Launcher combine(device, desc, target);
  combine.size(Size::B, int64_t(cache.runs.size()));
  combine.size(Size::Q, 1);
  combine.input("workspace", partial.read<float>("workspace"));
  combine.input("seq_starts", cache.seqStarts);
  combine.input("context_lens", cache.contextLens);
  combine.output("y", size_t(cache.tokens() * desc.outPitch * 2), 0xff);
  error = combine.run();
  return combine.read<uint16_t>("y");
}

} // namespace qcc::bench
