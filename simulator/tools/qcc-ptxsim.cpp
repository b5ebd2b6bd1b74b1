//===- qcc-ptxsim.cpp - Says whether the simulator can run a PTX file -----===//

#include "qccsim/Machine.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

using namespace qccsim;

static int usage(std::FILE *stream, int code) {
  std::fputs("usage: qcc-ptxsim --check FILE.ptx\n\n"
             "Parses and decodes a PTX module for an H200 and lists its kernels, or every\n"
             "instruction the simulator refuses. The exit code is 0 if it would load.\n",
             stream);
  return code;
}

static int check(const char *path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "qcc-ptxsim: cannot open '%s'\n", path);
    return 2;
  }
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<Diagnostic> diagnostics = Module::check(text);
  for (const Diagnostic &diagnostic : diagnostics)
    std::fprintf(stderr, "%s: %s\n", path, diagnostic.message.c_str());
  if (!diagnostics.empty())
    return 1;
  try {
    Machine machine;
    Module module(machine.memory(), machine.properties(), text);
    for (const auto &kernel : module.kernels())
      std::printf("%s: %zu parameters in %zu bytes, %zu bytes shared, %zu bytes local, "
                  "%d registers live, at most %d threads\n",
                  kernel->name.c_str(), kernel->parameters.size(), kernel->parameterBytes, kernel->staticSharedBytes,
                  kernel->localBytes, kernel->registersPerThread, kernel->maxThreadsPerBlock);
  } catch (const SimError &error) {
    std::fprintf(stderr, "%s: %s\n", path, error.what());
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && (!std::strcmp(argv[1], "--help") || !std::strcmp(argv[1], "-h")))
    return usage(stdout, 0);
  if (argc != 3 || std::strcmp(argv[1], "--check"))
    return usage(stderr, 2);
  return check(argv[2]);
}
