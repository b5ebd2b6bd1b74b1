//===- main.cpp - qcc-calibrate: statistics of a model's activations ------===//

#include "Calibrate.h"
#include "CommandLine.h"

#include <new>

int main(int argc, char **argv) {
  auto fail = [](const qcc::Error &error) { return qcc::tools::report("qcc-calibrate", error); };
  try {
    qcc::Expected<qcc::calibrate::Options> options = qcc::calibrate::parseCommandLine(argc, argv);
    if (!options)
      return fail(options.error());
    if (qcc::Status status = qcc::calibrate::run(*options); !status)
      return fail(status.error());
    return 0;
  } catch (const std::bad_alloc &) {
    return fail({"out of memory", qcc::ExitCode::OutOfMemory});
  }
}
