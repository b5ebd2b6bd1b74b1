//===- Options.h - Options and device description -------------------------===//

#ifndef QCCSIM_OPTIONS_H
#define QCCSIM_OPTIONS_H

#include <cstddef>
#include <string>
#include <string_view>

namespace qccsim {

/// When a cp.async takes effect. PTX leaves it open between issue and the wait
/// that covers it; a correct kernel gives the same result at either end.
enum class AsyncEffect { Early, Late };

/// Read from QCCSIM_OPTIONS, a comma-separated list of key=value:
///
///   threads=N               host threads that run blocks (default: all cores)
///   async=early|late        when cp.async takes effect (default: late)
///   uninitialised=on|off    reads of bytes never written are errors (default: on)
///   races=on|off            shared-memory races are errors (default: on)
///   tensor=exact|fast       mma.sync with the hardware's truncation, or plain f32 sums (default: exact)
///   counters=on|off         count sectors and bank conflicts too (default: off)
///   memory=BYTES[K|M|G]     device memory reported and enforced (default: 141G)
///   seed=N                  order in which blocks start; 0 is in order (default: 0)
struct Options {
  unsigned threads = 0; ///< 0: one per core
  AsyncEffect asyncEffect = AsyncEffect::Late;
  bool checkUninitialised = true;
  bool checkRaces = true;
  bool exactTensorCores = true;
  bool countSectors = false;
  size_t memoryBytes = 0; ///< 0: the device's default
  unsigned seed = 0;

  /// Parses the list above. Throws SimError(InvalidValue) naming an unknown key or value.
  static Options parse(std::string_view text);
  /// parse() of QCCSIM_OPTIONS; the defaults where it is not set.
  static Options fromEnvironment();
};

/// What the simulated device reports; the defaults describe an H200.
struct DeviceProperties {
  std::string name = "qcc PTX simulator";
  int computeMajor = 9;
  int computeMinor = 0;
  int multiprocessors = 132;
  int warpSize = 32;
  int maxThreadsPerBlock = 1024;
  int maxThreadsPerMultiprocessor = 2048;
  int maxBlocksPerMultiprocessor = 32;
  int maxBlockDim[3] = {1024, 1024, 64};
  int maxGridDim[3] = {2147483647, 65535, 65535};
  int registersPerBlock = 65536;
  size_t sharedBytesPerBlock = 48 * 1024;       ///< without opt-in
  size_t sharedBytesPerBlockOptin = 227 * 1024; ///< with opt-in
  size_t sharedBytesPerMultiprocessor = 228 * 1024;
  size_t constantBytes = 64 * 1024;
  size_t l2Bytes = 50u * 1024 * 1024;
  size_t memoryBytes = size_t(141) * 1000 * 1000 * 1000;
  int clockKhz = 1980000;
  int memoryClockKhz = 3201000;
  int memoryBusBits = 6144;
};

} // namespace qccsim

#endif // QCCSIM_OPTIONS_H
