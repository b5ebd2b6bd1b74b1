//===- Layout.cpp - Order of basic blocks ---------------------------------===//
//
// Diverged threads come together because the group with the lowest pc runs first (exec/Warp.h).
// That works where a join stands behind everything that leads to it and a loop's exit behind the
// whole loop, which compilers do not promise: NVVM moves unlikely blocks to the end. So blocks are
// laid out anew: strongly connected components in topological order, loops contiguous, and the
// same again inside a loop without the edges back to its header.
//
//===----------------------------------------------------------------------===//

#include "ir/Builder.h"
#include "ir/ControlFlow.h"

#include <algorithm>

using namespace qccsim;

namespace {

class BlockOrder {
public:
  explicit BlockOrder(const std::vector<BasicBlock> &blocks)
      : blocks(blocks), region(blocks.size(), 0), index(blocks.size()), low(blocks.size()), onStack(blocks.size()) {}

  std::vector<uint32_t> compute() {
    std::vector<uint32_t> all(blocks.size());
    for (uint32_t b = 0; b < all.size(); ++b)
      all[b] = b;
    order(all, 0, UINT32_MAX);
    return std::move(result);
  }

private:
  /// Appends what is reachable from `entry` among `nodes`, without edges into `header`.
  void order(const std::vector<uint32_t> &nodes, uint32_t entry, uint32_t header) {
    uint32_t own = ++regions;
    for (uint32_t node : nodes) {
      region[node] = own;
      index[node] = 0;
    }
    std::vector<std::vector<uint32_t>> components;
    visit(entry, own, header, components);
    // Tarjan's algorithm finds components behind their successors first. The last block pushed
    // to a component is the first visited: the loop's header.
    for (auto it = components.rbegin(); it != components.rend(); ++it) {
      if (it->size() == 1)
        result.push_back(it->front());
      else
        order(*it, it->back(), it->back());
    }
  }

  /// Depth-first with its own stack: kernels have thousands of blocks.
  void visit(uint32_t entry, uint32_t own, uint32_t header, std::vector<std::vector<uint32_t>> &components) {
    struct Frame {
      uint32_t node;
      size_t next;
    };
    std::vector<Frame> frames;
    std::vector<uint32_t> stack;
    uint32_t counter = 0;
    auto enter = [&](uint32_t node) {
      index[node] = low[node] = ++counter;
      onStack[node] = true;
      stack.push_back(node);
      frames.push_back({node, 0});
    };
    enter(entry);
    while (!frames.empty()) {
      auto [node, next] = frames.back();
      if (next < blocks[node].successors.size()) {
        ++frames.back().next;
        uint32_t to = blocks[node].successors[next];
        if (region[to] != own || to == header)
          continue;
        if (!index[to])
          enter(to);
        else if (onStack[to])
          low[node] = std::min(low[node], index[to]);
        continue;
      }
      frames.pop_back();
      if (!frames.empty())
        low[frames.back().node] = std::min(low[frames.back().node], low[node]);
      if (low[node] != index[node])
        continue;
      std::vector<uint32_t> &component = components.emplace_back();
      uint32_t member;
      do {
        member = stack.back();
        stack.pop_back();
        onStack[member] = false;
        component.push_back(member);
      } while (member != node);
    }
  }

  const std::vector<BasicBlock> &blocks;
  std::vector<uint32_t> region, index, low;
  std::vector<bool> onStack;
  uint32_t regions = 0;
  std::vector<uint32_t> result;
};

} // namespace

void FunctionBuilder::layOutBlocks() {
  std::vector<BasicBlock> blocks = findBlocks(program);
  std::vector<uint32_t> order = BlockOrder(blocks).compute();
  std::vector<uint32_t> newPlace(program.code.size(), 0);
  std::vector<Inst> code;
  std::vector<Effects> newEffects;
  for (size_t i = 0; i < order.size(); ++i) {
    const BasicBlock &block = blocks[order[i]];
    newPlace[block.begin] = code.size();
    uint32_t following = i + 1 < order.size() ? blocks[order[i + 1]].begin : UINT32_MAX;
    const Inst &last = program.code[block.end - 1];
    bool jumpsAhead = last.fn == execBranch && last.guard == predTrue && last.target == following;
    for (uint32_t k = block.begin; k < block.end - jumpsAhead; ++k) {
      code.push_back(program.code[k]);
      newEffects.push_back(effects[k]);
    }
    bool isTransfer = last.fn == execBranch || last.fn == execIndexedBranch || last.fn == execExit;
    bool fallsThrough = !isTransfer || last.guard != predTrue;
    if (!fallsThrough || block.end == following)
      continue;
    Inst jump;
    jump.fn = execBranch;
    jump.cls = InstClass::Control;
    jump.target = block.end;
    jump.statement = last.statement;
    code.push_back(jump);
    newEffects.emplace_back();
  }
  for (Inst &inst : code)
    if (inst.fn == execBranch)
      inst.target = newPlace[inst.target];
  for (std::vector<uint32_t> &table : program.branchTables)
    for (uint32_t &target : table)
      target = newPlace[target];
  program.code = std::move(code);
  effects = std::move(newEffects);
}
