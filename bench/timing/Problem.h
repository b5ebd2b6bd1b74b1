//===- Problem.h - A kernel on fixed data, ready to be timed ------*- C++ -*-===//
//
// A problem holds its operands on the device, several copies of those that a real step would read from memory, and
// launches with all arguments bound. Data is random, never zero (zeros toggle fewer bits and run faster). It can check
// samples of its own output against double precision, so that what is timed is known to be right at the size it is
// timed at.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_TIMING_PROBLEM_H
#define QCC_BENCH_TIMING_PROBLEM_H

#include "Device.h"
#include "Spec.h"

#include <deque>
#include <functional>
#include <memory>
#include <set>

namespace qcc::bench {

using Bytes = std::vector<uint8_t>;
using NamedBytes = std::map<std::string, Bytes>;

class Problem {
public:
  Problem(Device &device, int target) : device(device), target(target) {}

  // Building, in this order; `finish` uploads, compiles and binds.

  /// An operand. `rotated`: each copy gets its own, so that repeated launches find none of it in the L2 cache.
  void input(const std::string &name, Bytes bytes, bool rotated = false);
  /// An operand of which a launch reads only `readBytes`.
  void table(const std::string &name, Bytes bytes, double readBytes);
  /// Another argument that reads an operand's memory.
  void alias(const std::string &name, const std::string &operand) { aliases[name] = operand; }
  /// Bytes of an output, all ones before the first launch: a NaN in every float format.
  void output(const std::string &name, size_t bytes);
  void scratch(const std::string &name, size_t bytes);
  void size(codegen::Size size, int64_t value) { sizes[size] = value; }
  /// The first variant whose bounds hold. Kernels are launched in the order they are added.
  Status kernel(const codegen::KernelDesc &desc, codegen::Size rows = codegen::Size::T);
  /// `check`: what is wrong with the outputs of copy 0, empty if nothing.
  /// Makes as many copies as exceed `rotateBytes` together, at least 2 and at most 64.
  Status finish(size_t rotateBytes, std::function<std::string(const NamedBytes &)> check);

  double flops = 0;

  // A finished problem.

  /// Inputs and outputs, each counted once; workspaces, which a better kernel would not need, are not counted.
  double bytes() const { return byteCount; }
  int copies() const { return int(launches.size()); }
  /// Symbols and configurations of the kernels, in launch order.
  const std::string &kernelNames() const { return names; }
  /// Enqueues every kernel of the problem on the stream.
  Status enqueue(int copy, void *stream);
  /// Launches copy 0, waits and compares. Empty if all samples are within their bounds.
  std::string verify();

private:
  Status place(const std::string &name, const Bytes &bytes, std::map<std::string, DevicePointer> &pointers);

  Device &device;
  int target;
  Sizes sizes;
  NamedBytes inputs;
  std::map<std::string, size_t> outputs, workspaces;
  std::set<std::string> rotatedNames;
  std::map<std::string, std::string> aliases;
  std::deque<codegen::KernelInstance> instances; // a DeviceKernel points into it
  std::vector<DeviceKernel> kernels;
  std::deque<DeviceBuffer> buffers;
  std::map<std::string, DeviceBuffer *> outputBuffers;
  std::vector<std::vector<BoundLaunch>> launches; // [copy][kernel]
  std::function<std::string(const NamedBytes &)> check;
  double byteCount = 0;
  std::string names;
};

/// Builds the problem a specification names (Spec.h).
Expected<std::unique_ptr<Problem>> makeProblem(Device &device, int target, const Spec &spec, size_t rotateBytes);

Expected<std::unique_ptr<Problem>> makeGemm(Device &device, int target, const Spec &spec, size_t rotateBytes);
Expected<std::unique_ptr<Problem>> makeAttention(Device &device, int target, const Spec &spec, size_t rotateBytes);
Expected<std::unique_ptr<Problem>> makeRowProblem(Device &device, int target, const Spec &spec, size_t rotateBytes);
Expected<std::unique_ptr<Problem>> makeRopeAppend(Device &device, int target, const Spec &spec, size_t rotateBytes);
Expected<std::unique_ptr<Problem>> makeArgmax(Device &device, int target, const Spec &spec, size_t rotateBytes);

} // namespace qcc::bench

#endif // QCC_BENCH_TIMING_PROBLEM_H
