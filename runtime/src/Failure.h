//===- Failure.h - Errors inside the runtime ----------------------*- C++ -*-===//
//
// Inside, failures are exceptions, so that every path releases what it holds; CApi.cpp turns each into a status and a
// message.
//
//===----------------------------------------------------------------------===//
#ifndef QCCRT_SRC_FAILURE_H
#define QCCRT_SRC_FAILURE_H

#include "Text.h"
#include "qccrt/qccrt.h"

#include <string>

namespace qccrt {

struct Failure {
  qccrt_status status;
  std::string message;
};

template <typename... Args> [[noreturn]] void fail(qccrt_status status, const Args &...message) {
  throw Failure{status, text(message...)};
}

} // namespace qccrt

#endif // QCCRT_SRC_FAILURE_H
