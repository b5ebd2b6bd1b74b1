//===- Machine.cpp - Launches ---------------------------------------------===//

#include "qccsim/Machine.h"

#include "exec/Block.h"
#include "qccsim/Error.h"

#include <atomic>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

using namespace qccsim;

uint64_t LaunchStats::totalInstructions() const {
  return std::accumulate(std::begin(instructions), std::end(instructions), uint64_t(0));
}

LaunchStats &LaunchStats::operator+=(const LaunchStats &other) {
  for (unsigned i = 0; i < numInstClasses; ++i)
    instructions[i] += other.instructions[i];
  globalBytesRead += other.globalBytesRead;
  globalBytesWritten += other.globalBytesWritten;
  sharedBytesRead += other.sharedBytesRead;
  sharedBytesWritten += other.sharedBytesWritten;
  tensorMacs += other.tensorMacs;
  divergentBranches += other.divergentBranches;
  globalSectors += other.globalSectors;
  sharedWavefronts += other.sharedWavefronts;
  return *this;
}

/// The host threads' state, kept between launches for its buffers.
struct Machine::Workers {
  struct Slot {
    Worker worker;
    std::vector<std::unique_ptr<BlockState>> idle;
  };
  std::vector<std::unique_ptr<Slot>> slots;
  std::mutex launchMutex;

  void run(const Launch &launch, uint64_t blocks, unsigned seed);
};

namespace {

/// Blocks that take turns on one host thread, when they spin on each other.
constexpr size_t maxResident = 16;

/// What the host threads of a launch share.
struct Progress {
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr error;
};

} // namespace

static void runBlocks(const Launch &launch, Worker &worker, std::vector<std::unique_ptr<BlockState>> &idle,
                      uint64_t blocks, uint64_t stride, Progress &progress) {
  std::deque<std::unique_ptr<BlockState>> resident;
  bool exhausted = false;
  try {
    while (!progress.failed) {
      // A turn that ended early asks for another block beside it.
      if (!exhausted && resident.size() < maxResident) {
        uint64_t id = progress.next++;
        exhausted = id >= blocks;
        if (!exhausted) {
          std::unique_ptr<BlockState> block;
          if (!idle.empty()) {
            block = std::move(idle.back());
            idle.pop_back();
          } else {
            block = std::make_unique<BlockState>();
          }
          resident.push_front(std::move(block));
          resident.front()->start(launch, worker, id * stride % blocks);
        }
      }
      if (resident.empty())
        return;
      std::unique_ptr<BlockState> block = std::move(resident.front());
      resident.pop_front();
      bool more = block->runTurn();
      while (more && !block->spins())
        more = block->runTurn();
      if (more)
        resident.push_back(std::move(block));
      else
        idle.push_back(std::move(block));
    }
  } catch (...) {
    std::lock_guard lock(progress.mutex);
    if (!progress.failed)
      progress.error = std::current_exception();
    progress.failed = true;
  }
}

void Machine::Workers::run(const Launch &launch, uint64_t blocks, unsigned seed) {
  Progress progress;
  // Visits every block once: a stride without a common factor with their number.
  uint64_t stride = seed ? seed * uint64_t(2654435761u) % blocks + 1 : 1;
  while (std::gcd(stride, blocks) != 1)
    ++stride;
  size_t threads = std::min<uint64_t>(slots.size(), blocks);
  for (size_t i = 0; i < threads; ++i)
    slots[i]->worker.begin(launch);
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < threads; ++i)
    helpers.emplace_back([&, i] { runBlocks(launch, slots[i]->worker, slots[i]->idle, blocks, stride, progress); });
  runBlocks(launch, slots[0]->worker, slots[0]->idle, blocks, stride, progress);
  for (std::thread &helper : helpers)
    helper.join();
  if (progress.error)
    std::rethrow_exception(progress.error);
}

Machine::Machine(DeviceProperties properties, Options options)
    : device(std::move(properties)), opts(options), workers(std::make_unique<Workers>()) {
  if (opts.memoryBytes)
    device.memoryBytes = opts.memoryBytes;
  deviceMemory = std::make_unique<DeviceMemory>(device.memoryBytes);
  unsigned threads = opts.threads ? opts.threads : std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < threads; ++i) {
    workers->slots.push_back(std::make_unique<Workers::Slot>());
    workers->slots.back()->worker.index = i;
  }
}

Machine::~Machine() = default;

static void checkConfig(const Kernel &kernel, const LaunchConfig &config, const DeviceProperties &device) {
  auto refuse = [&](ErrorKind kind, const std::string &message) {
    throw SimError(kind, "launch of '" + kernel.name + "': " + message);
  };
  static constexpr char axis[] = "xyz";
  uint64_t threads = 1;
  for (unsigned d = 0; d < 3; ++d) {
    unsigned block = config.block[d], grid = config.grid[d];
    if (!block || block > unsigned(device.maxBlockDim[d]))
      refuse(ErrorKind::InvalidValue, std::string("block dimension ") + axis[d] + " is " + std::to_string(block) +
                                          ", must be 1 to " + std::to_string(device.maxBlockDim[d]));
    if (!grid || grid > unsigned(device.maxGridDim[d]))
      refuse(ErrorKind::InvalidValue, std::string("grid dimension ") + axis[d] + " is " + std::to_string(grid) +
                                          ", must be 1 to " + std::to_string(device.maxGridDim[d]));
    unsigned required = kernel.program().requiredThreads[d];
    if (required && required != block)
      refuse(ErrorKind::InvalidValue, std::string("block dimension ") + axis[d] + " is " + std::to_string(block) +
                                          ", .reqntid wants " + std::to_string(required));
    threads *= block;
  }
  if (threads > uint64_t(kernel.maxThreadsPerBlock))
    refuse(ErrorKind::LaunchOutOfResources,
           std::to_string(threads) + " threads per block, the limit is " + std::to_string(kernel.maxThreadsPerBlock));
  size_t shared = kernel.staticSharedBytes + config.dynamicSharedBytes;
  size_t limit = std::min(config.sharedBytesLimit, device.sharedBytesPerBlockOptin);
  if (config.dynamicSharedBytes > device.sharedBytesPerBlockOptin || shared > limit)
    refuse(ErrorKind::LaunchOutOfResources, std::to_string(shared) + " bytes of shared memory, the limit is " +
                                                std::to_string(limit) + " (opt in for more, at most " +
                                                std::to_string(device.sharedBytesPerBlockOptin) + ")");
}

LaunchStats Machine::launch(const Kernel &kernel, const LaunchConfig &config, const void *const *parameters) {
  std::vector<uint8_t> packed(kernel.parameterBytes);
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const KernelParameter &parameter = kernel.parameters[i];
    if (!parameters || !parameters[i])
      throw SimError(ErrorKind::InvalidValue,
                     "launch of '" + kernel.name + "': parameter " + std::to_string(i) + " is null");
    std::memcpy(packed.data() + parameter.offset, parameters[i], parameter.bytes);
  }
  return launchPacked(kernel, config, packed.data(), packed.size());
}

LaunchStats Machine::launchPacked(const Kernel &kernel, const LaunchConfig &config, const void *buffer, size_t bytes) {
  if (bytes != kernel.parameterBytes)
    throw SimError(ErrorKind::InvalidValue, "launch of '" + kernel.name + "': " + std::to_string(bytes) +
                                                " bytes of parameters, it has " +
                                                std::to_string(kernel.parameterBytes));
  checkConfig(kernel, config, device);
  std::vector<uint8_t> parameters(bytes + 16);
  if (bytes)
    std::memcpy(parameters.data(), buffer, bytes);

  Launch launch;
  launch.program = &kernel.program();
  launch.device = &device;
  launch.options = &opts;
  launch.memory = deviceMemory.get();
  launch.config = config;
  launch.parameters = parameters.data();
  launch.threadsPerBlock = config.block[0] * config.block[1] * config.block[2];
  launch.warpsPerBlock = (launch.threadsPerBlock + 31) / 32;
  launch.sharedBytes = launch.program->dynamicSharedBase + config.dynamicSharedBytes;

  std::lock_guard lock(workers->launchMutex);
  auto memoryLock = deviceMemory->launchLock();
  uint64_t blocks = uint64_t(config.grid[0]) * config.grid[1] * config.grid[2];
  workers->run(launch, blocks, opts.seed);
  LaunchStats total;
  for (size_t i = 0; i < std::min<uint64_t>(workers->slots.size(), blocks); ++i)
    total += workers->slots[i]->worker.stats;
  return total;
}
