//===- main.cpp - qcc-eval: run a model on the reference interpreter ------===//

#include "CommandLine.h"
#include "Evaluate.h"

#include <new>

int main(int argc, char **argv) {
  auto fail = [](const qcc::Error &error) { return qcc::tools::report("qcc-eval", error); };
  try {
    qcc::Expected<qcc::eval::Options> options = qcc::eval::parseCommandLine(argc, argv);
    if (!options)
      return fail(options.error());
    if (qcc::Status status = qcc::eval::evaluate(*options); !status)
      return fail(status.error());
    return 0;
  } catch (const std::bad_alloc &) {
    return fail({"out of memory", qcc::ExitCode::OutOfMemory});
  }
}
