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

/// What a specification launches, in this order, and the run-time sizes it launches them with.
struct Plan {
  std::vector<codegen::KernelDesc> kernels;
  Sizes sizes;
  codegen::Size rows = codegen::Size::T; ///< the size that counts rows
};

/// A kernel in the configuration that these sizes get.
struct PlannedKernel {
  codegen::KernelInstance instance;
  std::string name; ///< symbol and configuration
};
std::string namesOf(const std::vector<PlannedKernel> &kernels);

Plan planOf(const Spec &spec, int target);
/// The first variant of each kernel whose bounds hold.
Expected<std::vector<PlannedKernel>> kernelsOf(const Plan &plan, int target);

class Problem {
public:
  /// Copies of the rotated operands exceed `rotateBytes` together; there are 2 to 64.
  static Expected<std::unique_ptr<Problem>> make(Device &device, int target, const Spec &spec, size_t rotateBytes);

  /// Of the device: 90 for compute capability 9.0.
  int capability() const { return device.capability(); }

  // Operands and what they are judged by; a family's part of making a problem.

  /// An operand. `rotated`: each copy gets its own, so that repeated launches find none of it in the L2 cache.
  void input(const std::string &name, Bytes bytes, bool rotated = false);
  /// An operand of which a launch reads only `readBytes`.
  void table(const std::string &name, Bytes bytes, double readBytes);
  /// Another argument that reads an operand's memory.
  void alias(const std::string &name, const std::string &operand) { aliases[name] = operand; }
  /// Bytes of an output, all ones before the first launch: a NaN in every float format.
  void output(const std::string &name, size_t bytes) { output(name, bytes, double(bytes)); }
  /// An output of which a launch writes only `writtenBytes`.
  void output(const std::string &name, size_t bytes, double writtenBytes);
  void scratch(const std::string &name, size_t bytes) { workspaces[name] = bytes; }

  double flops = 0;
  /// What is wrong with the outputs of copy 0, empty if nothing.
  std::function<std::string(const NamedBytes &)> check;

  // A finished problem.

  /// Inputs and outputs, each counted once; workspaces, which a better kernel would not need, are not counted.
  double bytes() const { return byteCount; }
  int copies() const { return int(launches.size()); }
  /// Symbols and configurations of the kernels, in launch order.
  std::string kernelNames() const { return namesOf(planned); }
  /// Enqueues every kernel of the problem on the stream.
  Status enqueue(int copy, void *stream);
  /// Launches copy 0, waits and compares. Empty if all samples are within their bounds.
  std::string verify();

private:
  Problem(Device &device, int target, Sizes sizes, std::vector<PlannedKernel> planned)
      : device(device), target(target), sizes(std::move(sizes)), planned(std::move(planned)) {}
  /// Loads the kernels, uploads the operands and binds.
  Status finish(size_t rotateBytes);
  Status place(const std::string &name, const Bytes &bytes, std::map<std::string, DevicePointer> &pointers);

  Device &device;
  int target;
  Sizes sizes;
  std::vector<PlannedKernel> planned; // a DeviceKernel points into it
  NamedBytes inputs;
  std::map<std::string, size_t> outputs, workspaces;
  std::set<std::string> rotatedNames;
  std::map<std::string, std::string> aliases;
  std::vector<DeviceKernel> kernels;
  std::deque<DeviceBuffer> buffers;
  std::map<std::string, DeviceBuffer *> outputBuffers;
  std::vector<std::vector<BoundLaunch>> launches; // [copy][kernel]
  double byteCount = 0;
};

// The families.
Plan planGemm(const Spec &spec, int target);
void fillGemm(Problem &problem, const Spec &spec, const Plan &plan);
Plan planAttention(const Spec &spec, int target);
void fillAttention(Problem &problem, const Spec &spec, const Plan &plan);
Plan planRows(const Spec &spec, int target);
void fillRows(Problem &problem, const Spec &spec, const Plan &plan);
Plan planRopeAppend(const Spec &spec, int target);
void fillRopeAppend(Problem &problem, const Spec &spec, const Plan &plan);
Plan planArgmax(const Spec &spec, int target);
void fillArgmax(Problem &problem, const Spec &spec, const Plan &plan);

} // namespace qcc::bench

#endif // QCC_BENCH_TIMING_PROBLEM_H
