//===- Windows.h - The generic address space ------------------------------===//
//
// Generic addresses of shared, local and parameter memory lie in windows above
// every host address and below device memory.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_MEM_WINDOWS_H
#define QCCSIM_MEM_WINDOWS_H

#include <cstdint>

namespace qccsim {

constexpr uint64_t windowBytes = uint64_t(1) << 32;
constexpr uint64_t sharedWindow = 0x900000000000u;
constexpr uint64_t localWindow = 0xA00000000000u;
constexpr uint64_t parameterWindow = 0xB00000000000u;

constexpr bool inWindow(uint64_t address, uint64_t window) { return address - window < windowBytes; }

} // namespace qccsim

#endif // QCCSIM_MEM_WINDOWS_H
