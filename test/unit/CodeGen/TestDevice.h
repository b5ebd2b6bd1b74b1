//===- TestDevice.h - The device that kernel tests run on ---------*- C++ -*-===//
#ifndef QCC_TEST_UNIT_CODEGEN_TESTDEVICE_H
#define QCC_TEST_UNIT_CODEGEN_TESTDEVICE_H

#include "Device.h"

#include <cstdlib>

namespace qcc::test {

/// The library QCC_LIBCUDA names (a real driver, to run these tests on a GPU), else the simulator of this build. One
/// per process.
inline bench::Device &testDevice() {
  static Expected<std::unique_ptr<bench::Device>> device =
      bench::Device::open(std::getenv("QCC_LIBCUDA") ? "" : QCC_TEST_LIBCUDA);
  if (!device) {
    std::fprintf(stderr, "%s\n", device.error().message.c_str());
    std::abort();
  }
  return **device;
}

} // namespace qcc::test

#endif // QCC_TEST_UNIT_CODEGEN_TESTDEVICE_H
