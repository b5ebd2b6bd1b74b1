//===- PlanWriter.h - The plan as a FlatBuffer --------------------*- C++ -*-===//
#ifndef QCC_LIB_ENGINE_PLANWRITER_H
#define QCC_LIB_ENGINE_PLANWRITER_H

#include "qcc/Engine/EngineFile.h"

namespace qcc::engine_file {

/// Offsets and sizes in sections, decided by the writer.
struct Placement {
  std::vector<uint64_t> constants;           ///< offset of each constant in the weights section
  std::vector<std::vector<uint64_t>> images; ///< per kernel and image, offset in the kernels section
};

/// The serialized plan; the same input gives the same bytes.
std::string serializePlan(const Plan &plan, const std::vector<Constant> &constants, const Placement &placement);

} // namespace qcc::engine_file

#endif // QCC_LIB_ENGINE_PLANWRITER_H
