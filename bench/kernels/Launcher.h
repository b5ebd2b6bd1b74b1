//===- Launcher.h - Runs one kernel instance with host data -------*- C++ -*-===//
//
// Binds a kernel's arguments by name to host data, launches it and hands the outputs back. Every buffer is allocated
// with exactly its size, so that the simulator reports any access beyond it; outputs start poisoned.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_LAUNCHER_H
#define QCC_BENCH_KERNELS_LAUNCHER_H

#include "Device.h"

#include <cstring>
#include <string>
#include <vector>

namespace qcc::bench {

using Bytes = std::vector<uint8_t>;

class Launcher {
public:
  /// `target`: 80, 89 or 90.
  Launcher(Device &device, codegen::KernelDesc desc, int target, codegen::Size rows = codegen::Size::T)
      : device(device), desc(std::move(desc)), target(target), rows(rows) {}

  template <typename T> void input(const std::string &name, const std::vector<T> &values) {
    Bytes bytes(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    data.buffers[name] = std::move(bytes);
  }
  /// Bytes of an output, all `poison` before the launch.
  void output(const std::string &name, size_t bytes, uint8_t poison = 0xee) {
    data.buffers[name] = Bytes(bytes, poison);
  }
  void size(codegen::Size size, int64_t value) { data.sizes[size] = value; }

  /// Compiles the first variant whose bounds hold and launches it. Empty on success, else what went wrong.
  std::string run();
  /// The same for a configuration given by hand.
  std::string run(const codegen::KernelConfig &config);

  template <typename T> std::vector<T> read(const std::string &name) const {
    const Bytes &bytes = data.buffers.at(name);
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

private:
  Device &device;
  codegen::KernelDesc desc;
  int target;
  codegen::Size rows;
  HostData data;
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_LAUNCHER_H
