//===- main.cpp - qcc-inspect ---------------------------------------------===//

#include "Extract.h"
#include "Failure.h"
#include "Report.h"

#include <cstdio>
#include <string_view>

namespace {

enum { Usage = 2, BadInput = 65, Internal = 70, OutOfMemory = 71, IoError = 74 };

const char kHelp[] = R"(qcc-inspect: look into an engine file

usage: qcc-inspect FILE [options]

Prints header, sections, model, layers with scheme and bytes, and kernels with registers and
spills. Header, plan and kernels are always checked against their hashes; a damaged engine is refused.

  --verify       read and check the weights too
  --plan         list every launch: grid and arguments
  --recipe       print only how weights were quantized, as YAML that qcc --recipe reads
  --json         everything as JSON
  --extract DIR  write each kernel's CUDA source (.cu), PTX and cubins into DIR
  --help, --version

examples
  qcc-inspect model.qengine
  qcc-inspect model.qengine --verify --json | python3 -m json.tool
  qcc-inspect model.qengine --recipe > recipe.yaml
  qcc-inspect model.qengine --extract kernels && cuobjdump -sass kernels/*.sm_90.cubin

exit status: 0, or 2 usage, 65 damaged engine, 71 out of memory, 74 input/output
)";

struct Options {
  std::string engine, extractTo;
  bool verify = false, plan = false, recipe = false, json = false, extract = false, help = false, version = false;
};

/// An empty string, or what is wrong.
std::string parse(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "--verify")
      options.verify = true;
    else if (argument == "--plan")
      options.plan = true;
    else if (argument == "--recipe")
      options.recipe = true;
    else if (argument == "--json")
      options.json = true;
    else if (argument == "--help" || argument == "-h")
      options.help = true;
    else if (argument == "--version")
      options.version = true;
    else if (argument == "--extract") {
      if (++i == argc)
        return "--extract needs a directory";
      options.extract = true;
      options.extractTo = argv[i];
    } else if (argument.starts_with("-"))
      return "unknown option '" + std::string(argument) + "'";
    else if (!options.engine.empty())
      return "two engine files: '" + options.engine + "' and '" + std::string(argument) + "'";
    else
      options.engine = argument;
  }
  if (options.recipe && (options.json || options.plan))
    return "--recipe prints the recipe alone; --json has it too";
  return options.engine.empty() && !options.help && !options.version ? "no engine file" : "";
}

void run(const Options &options) {
  qccrt::EngineReader engine(options.engine);
  if (options.verify)
    engine.verifyWeights();
  if (options.extract)
    std::fprintf(stderr, "%zu files in %s\n", qcc_inspect::extract(engine, options.extractTo),
                 options.extractTo.c_str());
  std::string text = options.json     ? qcc_inspect::reportJson(engine)
                     : options.recipe ? qcc_inspect::recipeOf(engine)
                                      : qcc_inspect::report(engine, options.plan);
  if (options.verify && !options.json && !options.recipe)
    text += "\nverified: header, plan, kernels and weights match their hashes\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    qccrt::fail(QCCRT_IO, "cannot write to standard output");
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (std::string wrong = parse(argc, argv, options); !wrong.empty()) {
    std::fprintf(stderr, "qcc-inspect: error: %s; see qcc-inspect --help\n", wrong.c_str());
    return Usage;
  }
  try {
    if (options.help)
      std::fputs(kHelp, stdout);
    else if (options.version)
      std::puts("qcc-inspect 0.1.0");
    else
      run(options);
    return 0;
  } catch (const qccrt::Failure &failure) {
    std::fprintf(stderr, "qcc-inspect: error: %s\n", failure.message.c_str());
    return failure.status == QCCRT_IO ? IoError : BadInput;
  } catch (const std::bad_alloc &) {
    std::fputs("qcc-inspect: error: not enough host memory\n", stderr);
    return OutOfMemory;
  } catch (const std::exception &exception) {
    std::fprintf(stderr, "qcc-inspect: error: internal: %s\n", exception.what());
    return Internal;
  }
}
