//===- Block.h - State of a thread block and of its launch ----------------===//

#ifndef QCCSIM_EXEC_BLOCK_H
#define QCCSIM_EXEC_BLOCK_H

#include "exec/Warp.h"
#include "qccsim/Machine.h"

#include <memory>
#include <vector>

namespace qccsim {

class RaceDetector;

/// What all blocks of a launch share.
struct Launch {
  const KernelProgram *program;
  const DeviceProperties *device;
  const Options *options;
  DeviceMemory *memory;
  LaunchConfig config;
  const uint8_t *parameters; ///< KernelProgram::parameterBytes, and 16 spare bytes
  uint32_t threadsPerBlock;
  uint32_t warpsPerBlock;
  uint32_t sharedBytes; ///< static and dynamic
};

/// A host thread that runs blocks.
struct Worker {
  const Launch *launch = nullptr;
  LaunchStats stats;
  unsigned index = 0;
  /// Allocations found last, by statement: an instruction mostly stays in one.
  struct CachedAllocation {
    uint64_t base = 0, size = 0;
    uint8_t *data = nullptr, *init = nullptr; ///< init is null where all is initialised
  } cache[64];

  void begin(const Launch &newLaunch);
};

/// bar.sync and its kin (PTX ISA 9.0, 9.7.13.1). `expected` is 0 while nobody waits.
struct NamedBarrier {
  bool all = false;      ///< every thread of the block takes part
  uint32_t expected = 0; ///< threads, a multiple of the warp size; unused with `all`
  uint32_t threads = 0;  ///< arrived, exact
  uint32_t slots = 0;    ///< arrived, a whole warp counting 32
  uint32_t votes = 0;    ///< threads whose predicate was true (bar.red)
  bool inUse() const { return threads != 0; }
};

/// Initialisation states of a byte of shared memory.
enum : uint8_t { byteUnset = 0, byteSet = 1, byteInFlight = 2 };

struct BlockState {
  const Launch *launch = nullptr;
  Worker *worker = nullptr;
  uint32_t ctaid[3] = {0, 0, 0};
  uint64_t linearId = 0;
  std::vector<Warp> warps;
  uint32_t liveWarps = 0;
  std::vector<uint8_t> registers, local;
  std::vector<uint32_t> preds;
  std::vector<uint8_t> shared, sharedInit;
  NamedBarrier barriers[16];
  std::unique_ptr<RaceDetector> races;
  uint32_t nextWarp = 0; ///< where the round goes on

  BlockState();
  ~BlockState();

  void start(const Launch &newLaunch, Worker &onWorker, uint64_t id);
  /// Runs every runnable warp for a turn. True while threads are left. Throws SimError.
  bool runTurn();
  /// After runTurn(): some warp used its turn up, it may wait for another block.
  bool spins() const;

  /// A group arrives at a barrier; releases it where that completes it.
  void arrive(Warp &warp, uint32_t mask, uint32_t id, bool all, uint32_t expected, uint32_t votes, bool waits);
  /// The warp's last thread has exited.
  void warpExited();

private:
  void startWarp(Warp &warp, uint32_t index);
  void setSpecials(Warp &warp);
  void completeIfFull(uint32_t id);
  [[noreturn]] void rethrow(const Warp &warp, const Fault &fault) const;
  [[noreturn]] void reportDeadlock() const;
};

} // namespace qccsim

#endif // QCCSIM_EXEC_BLOCK_H
