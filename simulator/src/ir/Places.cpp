//===- Places.cpp - Liveness and places of virtual registers --------------===//
//
// PTX has as many registers as the compiler liked; few are live together. Sharing places keeps
// a warp's registers in the first-level cache. Liveness is per thread: handlers write active
// lanes only, so registers of diverged threads may share a place.
//
//===----------------------------------------------------------------------===//

#include "ir/Builder.h"
#include "ir/ControlFlow.h"

#include <algorithm>

using namespace qccsim;

namespace {

using BitSet = std::vector<uint64_t>;

bool test(const BitSet &set, uint32_t i) { return set[i / 64] >> (i % 64) & 1; }
void insert(BitSet &set, uint32_t i) { set[i / 64] |= uint64_t(1) << (i % 64); }

/// First and last instruction at which a register holds a value somebody wants.
struct Extent {
  uint32_t first = UINT32_MAX, last = 0;
  void include(uint32_t i) {
    first = std::min(first, i);
    last = std::max(last, i);
  }
};

std::vector<Extent> computeExtents(const FunctionBuilder &fb, size_t numRegisters) {
  const std::vector<Inst> &code = fb.program.code;
  std::vector<BasicBlock> blocks = findBlocks(fb.program);
  size_t words = (numRegisters + 63) / 64, n = blocks.size();
  std::vector<BitSet> use(n, BitSet(words)), kill(n, BitSet(words)), liveIn(n, BitSet(words)),
      liveOut(n, BitSet(words));
  for (size_t b = 0; b < n; ++b) {
    for (uint32_t i = blocks[b].begin; i < blocks[b].end; ++i) {
      for (uint32_t reg : fb.effects[i].uses)
        if (!test(kill[b], reg))
          insert(use[b], reg);
      for (uint32_t reg : fb.effects[i].defs) {
        // A guarded definition keeps the old value in the lanes left out.
        if (code[i].guard == predTrue)
          insert(kill[b], reg);
        else if (!test(kill[b], reg))
          insert(use[b], reg);
      }
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t b = n; b-- > 0;) {
      for (size_t w = 0; w < words; ++w) {
        uint64_t out = 0;
        for (uint32_t successor : blocks[b].successors)
          out |= liveIn[successor][w];
        uint64_t in = use[b][w] | (out & ~kill[b][w]);
        changed |= in != liveIn[b][w];
        liveIn[b][w] = in;
        liveOut[b][w] = out;
      }
    }
  }
  std::vector<Extent> extents(numRegisters);
  for (size_t b = 0; b < n; ++b) {
    for (uint32_t reg = 0; reg < numRegisters; ++reg) {
      if (test(liveIn[b], reg))
        extents[reg].include(blocks[b].begin);
      if (test(liveOut[b], reg))
        extents[reg].include(blocks[b].end);
    }
    for (uint32_t i = blocks[b].begin; i < blocks[b].end; ++i) {
      for (uint32_t reg : fb.effects[i].uses)
        extents[reg].include(i);
      for (uint32_t reg : fb.effects[i].defs)
        extents[reg].include(i);
    }
  }
  for (const KernelProgram::SpecialUse &use : fb.program.specials) {
    // Written once when the warp starts.
    extents[use.ref].include(0);
    extents[use.ref].include(code.size());
  }
  return extents;
}

} // namespace

unsigned FunctionBuilder::assignPlaces() {
  std::vector<Extent> extents = computeExtents(*this, widths.size());
  std::vector<uint32_t> order;
  for (uint32_t reg = 0; reg < widths.size(); ++reg)
    if (extents[reg].first != UINT32_MAX)
      order.push_back(reg);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return std::pair(extents[a].first, a) < std::pair(extents[b].first, b); });

  struct Active {
    uint32_t last;
    Ref place;
    bool wide;
    bool operator<(const Active &other) const { return last > other.last; }
  };
  std::vector<Active> active; // heap, the next to end on top
  std::vector<Ref> freePlaces[2];
  std::vector<Ref> placeOf(widths.size(), noRef);
  uint32_t bytes = 0;
  unsigned live = 0, mostLive = 0;
  for (uint32_t reg : order) {
    // Strictly before: no handler has its result where another operand is.
    while (!active.empty() && active.front().last < extents[reg].first) {
      std::pop_heap(active.begin(), active.end());
      live -= active.back().wide ? 2 : 1;
      freePlaces[active.back().wide].push_back(active.back().place);
      active.pop_back();
    }
    bool wide = widths[reg] == 64;
    std::vector<Ref> &free = freePlaces[wide];
    if (free.empty()) {
      free.push_back(bytes);
      bytes += wide ? 256 : 128;
    }
    placeOf[reg] = free.back();
    free.pop_back();
    active.push_back({extents[reg].last, placeOf[reg], wide});
    std::push_heap(active.begin(), active.end());
    live += wide ? 2 : 1;
    mostLive = std::max(mostLive, live);
  }

  auto patch = [&](Ref &ref) {
    if (ref != noRef && !(ref & constantBank))
      ref = placeOf[ref];
  };
  for (Inst &inst : program.code)
    for (Ref &ref : inst.op)
      patch(ref);
  for (Ref &ref : program.refs)
    patch(ref);
  for (KernelProgram::SpecialUse &use : program.specials)
    patch(use.ref);
  program.registerBytes = bytes;
  return mostLive;
}
