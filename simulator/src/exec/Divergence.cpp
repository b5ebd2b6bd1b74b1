//===- Divergence.cpp - Groups of a warp's threads ------------------------===//

#include "exec/Warp.h"

#include <algorithm>

using namespace qccsim;

void Warp::updateNextPc() {
  nextPc = UINT32_MAX;
  for (const Group &group : others)
    if (group.wait == Wait::None || group.wait == Wait::Members)
      nextPc = std::min(nextPc, group.pc);
}

void Warp::split(uint32_t taken, uint32_t target) {
  others.push_back({target, taken});
  active &= ~taken;
  nextPc = std::min(nextPc, target);
}

void Warp::regroup() {
  if (active) {
    others.push_back({pc, active});
    active = 0;
  }
  // A group that waits for members runs again only once somebody joined it.
  const Group *best = nullptr;
  for (const Group &group : others) {
    bool runnable = group.wait == Wait::None;
    if (runnable && (!best || group.pc < best->pc))
      best = &group;
  }
  if (!best) {
    stopped = true;
    nextPc = UINT32_MAX;
    return;
  }
  pc = best->pc;
  std::erase_if(others, [&](const Group &group) {
    bool joins = group.pc == pc && (group.wait == Wait::None || group.wait == Wait::Members);
    if (joins)
      active |= group.mask;
    return joins;
  });
  updateNextPc();
}

void Warp::suspend(uint32_t mask, Wait wait, uint32_t argument, bool advance) {
  others.push_back({advance ? pc : pc - 1, mask, wait, argument});
  active &= ~mask;
  updateNextPc();
  if (!active)
    regroup();
}

void Warp::release(Wait wait, uint32_t argument) {
  for (Group &group : others)
    if (group.wait == wait && group.waitArg == argument)
      group.wait = Wait::None;
  updateNextPc();
}

void Warp::exitLanes(uint32_t mask) {
  live &= ~mask;
  active &= ~mask;
  // Members that wait for threads which are now gone try again.
  for (Group &group : others)
    if (group.wait == Wait::Members)
      group.wait = Wait::None;
  updateNextPc();
  if (!active)
    regroup();
}
