//===- main.cpp - qcc: compile a model to one quantized engine file -------===//

#include "CommandLine.h"
#include "Compile.h"

#include <new>

int main(int argc, char **argv) {
  auto fail = [](const qcc::Error &error) { return qcc::tools::report("qcc", error); };
  try {
    qcc::Expected<qcc::driver::Options> options = qcc::driver::parseCommandLine(argc, argv);
    if (!options)
      return fail(options.error());
    if (qcc::Status status = qcc::driver::compile(*options); !status)
      return fail(status.error());
    return 0;
  } catch (const std::bad_alloc &) {
    return fail({"out of memory", qcc::ExitCode::OutOfMemory});
  }
}
