//===- Stub.h - Writes instantiation stubs ------------------------*- C++ -*-===//
//
// A stub is the only generated source text: it includes one kernel header, states the constants by name in a struct
// `Problem` and defines one `extern "C"` entry that calls the header's function.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_CODEGEN_STUB_H
#define QCC_LIB_CODEGEN_STUB_H

#include "qcc/CodeGen/KernelInstance.h"

namespace qcc::codegen {

class Stub {
public:
  /// `header`: name of an embedded header, such as "gather/gather.cuh".
  Stub(std::string family, std::string header) : family(std::move(family)), header(std::move(header)) {}

  void integer(const std::string &name, int64_t value);
  void flag(const std::string &name, bool value);
  /// An enumerator, such as "qcc::ActQuant::None".
  void constant(const std::string &name, const std::string &enumerator);
  /// Written as a hexadecimal literal: the kernel gets exactly this f32.
  void real(const std::string &name, float value);
  /// `name(i)`: one value per input.
  void table(const std::string &name, const std::vector<int64_t> &values);
  /// A line outside (before) or inside `Problem`.
  void before(const std::string &text) { preamble += text + "\n"; }
  void member(const std::string &text) { members += "  " + text + "\n"; }

  /// Appends a parameter of the entry. `type` as in "const qcc::u16 *"; parameters are called p0, p1, ….
  std::string pointer(const std::string &type, const std::string &name, bool written = false);
  std::string size(const std::string &name, Size size);

  /// Promises ptxas that one block per multiprocessor is enough: it then uses registers rather than spill a few to fit
  /// more.
  void allowOneBlock() { oneBlock = true; }

  /// Source, symbol (from a hash of the source) and arguments; `call` is the statement of the entry's body.
  void finish(KernelInstance &instance, const std::string &call) const;

private:
  std::string family, header, preamble, members;
  std::vector<std::string> types;
  std::vector<KernelArg> args;
  bool oneBlock = false;
};

/// Value of a configuration's entry; says in `error` which one is missing or outside [low, high].
int64_t configValue(const KernelConfig &config, const std::string &name, int64_t low, int64_t high, std::string &error);

/// The names in `config` that are not in `known` are an error: a mistyped override must not pass unseen.
void refuseUnknown(const KernelConfig &config, const std::vector<std::string> &known, std::string &error);

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_STUB_H
