//===- CommandLine.cpp ----------------------------------------------------===//

#include "CommandLine.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cstdio>

using namespace llvm;

namespace qcc::tools {
namespace {

Error usage(const std::string &message) { return {message, ExitCode::Usage}; }

const char *nameOf(mlir::DiagnosticSeverity severity) {
  switch (severity) {
  case mlir::DiagnosticSeverity::Error:
    return "error: ";
  case mlir::DiagnosticSeverity::Warning:
    return "warning: ";
  case mlir::DiagnosticSeverity::Note:
    return "note: ";
  case mlir::DiagnosticSeverity::Remark:
    return "";
  }
  return "";
}

void print(const std::string &tool, mlir::Diagnostic &message) {
  std::string said = message.str();
  errs() << tool << ": " << nameOf(message.getSeverity());
  // Layers are locations of their ops; many messages name them themselves.
  if (auto layer = message.getLocation()->findInstanceOf<mlir::NameLoc>();
      layer && said.find(layer.getName().str()) == std::string::npos)
    errs() << layer.getName().strref() << ": ";
  errs() << said << "\n";
}

} // namespace

Status parseFlags(int argc, char **argv, const char *overview) {
  for (int i = 1; i < argc; ++i) {
    StringRef argument(argv[i]);
    if (argument.empty()) {
      bool isValue = StringRef(argv[i - 1]).starts_with("-");
      return usage((isValue ? std::string(argv[i - 1]) + ": its value" : "argument " + std::to_string(i)) +
                   " is empty; is a variable not set?");
    }
    if (argument.starts_with("-") && argument.ends_with("="))
      return usage(argument.str() + " has no value; is a variable not set?");
  }
  std::string errors;
  raw_string_ostream stream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &stream)) {
    StringRef said = StringRef(errors).trim();
    said.consume_front((sys::path::filename(argv[0]) + ": ").str());
    std::string line = said.str();
    std::replace(line.begin(), line.end(), '\n', ' ');
    return usage(line);
  }
  for (auto &[name, option] : cl::getRegisteredOptions())
    if (option->getNumOccurrences() > 1 && option->getNumOccurrencesFlag() == cl::Optional)
      return usage(("--" + name).str() + " is given " + std::to_string(option->getNumOccurrences()) +
                   " times; it takes one value");
  return {};
}

PassMessages::PassMessages(mlir::MLIRContext &context, std::string tool, bool remarks)
    : ScopedDiagnosticHandler(&context, [tool = std::move(tool), remarks](mlir::Diagnostic &message) {
        if (message.getLocation()->findInstanceOf<mlir::FileLineColLoc>())
          return mlir::failure();
        if (message.getSeverity() == mlir::DiagnosticSeverity::Remark && !remarks)
          return mlir::success();
        print(tool, message);
        for (mlir::Diagnostic &note : message.getNotes())
          print(tool, note);
        return mlir::success();
      }) {}

int report(const char *tool, const Error &error) {
  if (!error.message.empty())
    std::fprintf(stderr, "%s: error: %s\n", tool, error.message.c_str());
  return int(error.code);
}

} // namespace qcc::tools
