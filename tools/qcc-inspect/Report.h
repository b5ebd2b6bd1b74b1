//===- Report.h - What an engine holds, for people and programs ---*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_INSPECT_REPORT_H
#define QCC_TOOLS_QCC_INSPECT_REPORT_H

#include "EngineReader.h"

#include <string>

namespace qcc_inspect {

/// Header, sections, model, layers, kernels and plan as text.
std::string report(const qccrt::EngineReader &engine, bool withPlan);
/// The same as JSON, with names of runtime/schema/plan.fbs.
std::string reportJson(const qccrt::EngineReader &engine);
/// How weights were quantized, as the engine's recipe says. Fails where it holds none.
std::string recipeOf(const qccrt::EngineReader &engine);

} // namespace qcc_inspect

#endif // QCC_TOOLS_QCC_INSPECT_REPORT_H
