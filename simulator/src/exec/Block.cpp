//===- Block.cpp - Thread blocks ------------------------------------------===//

#include "exec/Block.h"

#include "check/RaceDetector.h"
#include "qccsim/Error.h"

#include <bit>
#include <cstring>

using namespace qccsim;

BlockState::BlockState() = default;
BlockState::~BlockState() = default;

void Worker::begin(const Launch &newLaunch) {
  launch = &newLaunch;
  stats = {};
  for (CachedAllocation &entry : cache)
    entry = {};
}

static uint8_t *alignUp(uint8_t *pointer) {
  return reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(pointer) + 63) & ~uintptr_t(63));
}

void BlockState::start(const Launch &newLaunch, Worker &onWorker, uint64_t id) {
  launch = &newLaunch;
  worker = &onWorker;
  linearId = id;
  const unsigned *grid = launch->config.grid;
  ctaid[0] = id % grid[0];
  ctaid[1] = id / grid[0] % grid[1];
  ctaid[2] = id / grid[0] / grid[1];
  const KernelProgram &program = *launch->program;

  // Registers nothing has written hold a value that shows in results.
  registers.assign(size_t(program.registerBytes) * launch->warpsPerBlock + 64, 0x7f);
  preds.assign(size_t(program.numPreds) * launch->warpsPerBlock, 0);
  size_t localSize = program.localBytes * 32 * 2;
  local.assign(localSize * launch->warpsPerBlock, 0);
  shared.assign(launch->sharedBytes + 16, 0xCD);
  sharedInit.assign(launch->sharedBytes + 16, byteUnset);
  for (NamedBarrier &barrier : barriers)
    barrier = {};
  warps.resize(launch->warpsPerBlock);
  liveWarps = launch->warpsPerBlock;
  nextWarp = 0;
  if (launch->options->checkRaces && launch->sharedBytes && launch->warpsPerBlock > 1) {
    if (!races)
      races = std::make_unique<RaceDetector>();
    races->start(launch->warpsPerBlock, launch->sharedBytes);
  } else {
    races.reset();
  }
  for (uint32_t i = 0; i < warps.size(); ++i)
    startWarp(warps[i], i);
}

void BlockState::startWarp(Warp &warp, uint32_t index) {
  const KernelProgram &program = *launch->program;
  std::vector<Group> others = std::move(warp.others);
  std::vector<PendingCopy> copies = std::move(warp.copies);
  others.clear();
  copies.clear();
  warp = Warp();
  warp.others = std::move(others);
  warp.copies = std::move(copies);
  warp.base[0] = alignUp(registers.data()) + size_t(program.registerBytes) * index;
  warp.base[1] = const_cast<uint8_t *>(program.constants.data());
  warp.preds = preds.data() + size_t(program.numPreds) * index;
  warp.preds[0] = ~0u;
  warp.program = &program;
  warp.block = this;
  warp.worker = worker;
  warp.index = index;
  uint32_t left = launch->threadsPerBlock - index * 32;
  warp.initial = left >= 32 ? ~0u : (1u << left) - 1;
  warp.live = warp.active = warp.initial;
  warp.local = local.data() + program.localBytes * 64 * index;
  setSpecials(warp);
}

static uint32_t specialValue(const BlockState &block, SpecialRegister which, uint32_t warp, uint32_t lane) {
  const Launch &launch = *block.launch;
  const unsigned *dim = launch.config.block, *grid = launch.config.grid;
  uint32_t thread = warp * 32 + lane, bit = 1u << lane;
  using R = SpecialRegister;
  switch (which) {
  case R::TidX:
    return thread % dim[0];
  case R::TidY:
    return thread / dim[0] % dim[1];
  case R::TidZ:
    return thread / dim[0] / dim[1];
  case R::NtidX:
    return dim[0];
  case R::NtidY:
    return dim[1];
  case R::NtidZ:
    return dim[2];
  case R::CtaidX:
    return block.ctaid[0];
  case R::CtaidY:
    return block.ctaid[1];
  case R::CtaidZ:
    return block.ctaid[2];
  case R::NctaidX:
    return grid[0];
  case R::NctaidY:
    return grid[1];
  case R::NctaidZ:
    return grid[2];
  case R::LaneId:
    return lane;
  case R::WarpId:
    return warp;
  case R::NwarpId:
    return launch.device->maxThreadsPerMultiprocessor / 32;
  case R::SmId:
    return block.linearId % launch.device->multiprocessors;
  case R::NsmId:
    return launch.device->multiprocessors;
  case R::GridId:
    return 1;
  case R::LanemaskEq:
    return bit;
  case R::LanemaskLe:
    return bit | (bit - 1);
  case R::LanemaskLt:
    return bit - 1;
  case R::LanemaskGe:
    return ~(bit - 1);
  case R::LanemaskGt:
    return ~(bit | (bit - 1));
  case R::DynamicSmemSize:
    return launch.config.dynamicSharedBytes;
  case R::TotalSmemSize:
    return launch.sharedBytes;
  case R::ClusterCtaRank:
    return 0;
  case R::ClusterNctaRank:
    return 1;
  case R::Zero:
    return 0;
  }
  return 0;
}

void BlockState::setSpecials(Warp &warp) {
  for (const KernelProgram::SpecialUse &use : launch->program->specials) {
    for (uint32_t lane = 0; lane < 32; ++lane) {
      uint32_t value = specialValue(*this, use.which, warp.index, lane);
      if (use.wide)
        warp.reg<uint64_t>(use.ref)[lane] = value;
      else
        warp.reg<uint32_t>(use.ref)[lane] = value;
    }
  }
}

bool BlockState::runTurn() {
  bool progress = false;
  for (uint32_t i = 0; i < warps.size(); ++i) {
    Warp &warp = warps[(i + nextWarp) % warps.size()];
    if (!warp.live)
      continue;
    bool runnable = warp.active != 0;
    for (const Group &group : warp.others)
      runnable |= group.wait == Wait::None;
    if (!runnable)
      continue;
    progress = true;
    try {
      runWarp(warp);
    } catch (const Fault &fault) {
      rethrow(warp, fault);
    }
  }
  if (!liveWarps)
    return false;
  if (!progress)
    reportDeadlock();
  return true;
}

bool BlockState::spins() const {
  for (const Warp &warp : warps)
    if (warp.live && warp.yielded)
      return true;
  return false;
}

void BlockState::warpExited() {
  --liveWarps;
  for (uint32_t id = 0; id < 16; ++id)
    if (barriers[id].inUse() && barriers[id].all)
      completeIfFull(id);
}

void BlockState::arrive(Warp &warp, uint32_t mask, uint32_t id, bool all, uint32_t expected, uint32_t votes,
                        bool waits) {
  NamedBarrier &barrier = barriers[id];
  if (barrier.inUse() && (barrier.all != all || (!all && barrier.expected != expected)))
    throw Fault{ErrorKind::Deadlock,
                "barrier " + std::to_string(id) +
                    " is used with different thread counts: " + (all ? "all" : std::to_string(expected)) + " here, " +
                    (barrier.all ? "all" : std::to_string(barrier.expected)) + " by those that wait"};
  barrier.all = all;
  barrier.expected = expected;
  barrier.threads += std::popcount(mask);
  barrier.slots += mask == warp.live ? 32 : std::popcount(mask);
  barrier.votes += votes;
  if (races)
    races->arrive(warp.index, id);
  if (waits)
    warp.suspend(mask, Wait::Barrier, id, true);
  completeIfFull(id);
}

void BlockState::completeIfFull(uint32_t id) {
  NamedBarrier &barrier = barriers[id];
  if (barrier.all) {
    uint32_t live = 0;
    for (const Warp &warp : warps)
      live += std::popcount(warp.live);
    if (barrier.threads < live)
      return;
  } else {
    if (barrier.slots > barrier.expected)
      throw Fault{ErrorKind::Deadlock, "more threads than the " + std::to_string(barrier.expected) +
                                           " expected arrived at barrier " + std::to_string(id)};
    if (barrier.slots < barrier.expected)
      return;
  }
  for (Warp &warp : warps) {
    bool waits = false;
    for (const Group &group : warp.others) {
      if (group.wait != Wait::Barrier || group.waitArg != id)
        continue;
      waits = true;
      // bar.red: mode2 is 1 + the reduction (popc, and, or).
      const Inst &inst = warp.program->code[group.pc - 1];
      if (inst.mode2 == 1) {
        for (unsigned lane = 0; lane < 32; ++lane)
          if (group.mask >> lane & 1)
            warp.reg<uint32_t>(inst.op[2])[lane] = barrier.votes;
      } else if (inst.mode2) {
        bool value = inst.mode2 == 2 ? barrier.votes == barrier.threads : barrier.votes != 0;
        warp.writePred(inst.pred[0], value ? ~0u : 0, group.mask);
      }
    }
    if (!waits)
      continue;
    warp.release(Wait::Barrier, id);
    if (races)
      races->leave(warp.index, id);
    if (!warp.active)
      warp.regroup();
    warp.stopped = false;
  }
  if (races)
    races->reset(id);
  barrier = {};
}

static std::string triple(const uint32_t *v) {
  return "(" + std::to_string(v[0]) + ", " + std::to_string(v[1]) + ", " + std::to_string(v[2]) + ")";
}

void BlockState::rethrow(const Warp &warp, const Fault &fault) const {
  const KernelProgram &program = *launch->program;
  uint32_t pc = warp.pc ? warp.pc - 1 : 0;
  const KernelProgram::Line &line = program.lines[program.code[pc].statement];
  std::string where = ", block " + triple(ctaid);
  if (fault.lane >= 0) {
    uint32_t tid[3];
    for (unsigned d = 0; d < 3; ++d)
      tid[d] = specialValue(*this, SpecialRegister(int(SpecialRegister::TidX) + int(d)), warp.index, fault.lane);
    where += " thread " + triple(tid);
  } else {
    where += " warp " + std::to_string(warp.index);
  }
  throw SimError(fault.kind,
                 std::string(toString(fault.kind)) + " in kernel '" + program.name + "', PTX line " +
                     std::to_string(line.line) + " (" + line.text + ")" + where + ": " + fault.message,
                 line.line);
}

void BlockState::reportDeadlock() const {
  const KernelProgram &program = *launch->program;
  std::string text = "deadlock in kernel '" + program.name + "', block " + triple(ctaid) + ":";
  unsigned firstLine = 0;
  for (const Warp &warp : warps) {
    for (const Group &group : warp.others) {
      bool behind = group.wait == Wait::Barrier || group.wait == Wait::WarpBar;
      const Inst &inst = program.code[behind ? group.pc - 1 : group.pc];
      const KernelProgram::Line &line = program.lines[inst.statement];
      firstLine = firstLine ? firstLine : line.line;
      char mask[16];
      std::snprintf(mask, sizeof mask, "%08x", group.mask);
      text += " warp " + std::to_string(warp.index) + " threads 0x" + mask + " at PTX line " +
              std::to_string(line.line) + " (" + line.text + ")";
      if (group.wait == Wait::Barrier) {
        const NamedBarrier &barrier = barriers[group.waitArg];
        text += " barrier " + std::to_string(group.waitArg) + " with " + std::to_string(barrier.threads) + " of " +
                (barrier.all ? "all" : std::to_string(barrier.expected)) + " threads";
      } else {
        std::snprintf(mask, sizeof mask, "%08x", group.waitArg);
        text += std::string(" waits for members 0x") + mask;
      }
      text += ";";
    }
  }
  throw SimError(ErrorKind::Deadlock, text, firstLine);
}
