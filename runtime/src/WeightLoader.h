//===- WeightLoader.h - Constants onto the device -----------------*- C++ -*-===//
#ifndef QCCRT_SRC_WEIGHTLOADER_H
#define QCCRT_SRC_WEIGHTLOADER_H

#include "Device.h"
#include "EngineReader.h"

namespace qccrt {

/// Copies every constant to its address, one chunk after the other; a chunk is checked before any of it is copied.
/// Reading and hashing a chunk overlap with the copy of the one before.
void loadWeights(const Device &device, const EngineReader &engine, const std::vector<cuda::Pointer> &addresses);

} // namespace qccrt

#endif // QCCRT_SRC_WEIGHTLOADER_H
