//===- Module.h - A loaded PTX module -------------------------------------===//

#ifndef QCCSIM_MODULE_H
#define QCCSIM_MODULE_H

#include "qccsim/DeviceMemory.h"
#include "qccsim/Options.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qccsim {

struct KernelProgram; // decoded code, private to the simulator

/// One parameter of a kernel; offsets follow the .param declarations' sizes and alignments.
struct KernelParameter {
  size_t offset;
  size_t bytes;
  size_t alignment;
};

/// A kernel of a module. Lives as long as its module.
class Kernel {
public:
  explicit Kernel(std::unique_ptr<KernelProgram> program);
  ~Kernel();

  std::string name;
  std::vector<KernelParameter> parameters;
  size_t parameterBytes = 0;
  size_t staticSharedBytes = 0;
  size_t localBytes = 0;         ///< per thread
  size_t constantBytes = 0;      ///< of the module
  int maxThreadsPerBlock = 1024; ///< from .maxntid or .reqntid
  int registersPerThread = 0;    ///< 32-bit registers live at once at most, after liveness; not ptxas's figure
  int ptxVersion = 0;            ///< 90 for `.version 9.0`
  int targetArch = 0;            ///< 80 for `.target sm_80`
  const KernelProgram &program() const { return *code; }

private:
  std::unique_ptr<KernelProgram> code;
};

/// A .global or .const variable.
struct GlobalVariable {
  std::string name;
  DeviceAddress address;
  size_t bytes;
};

/// Something in a PTX text that the simulator refuses.
struct Diagnostic {
  unsigned line;
  std::string message;
  bool unsupported; ///< false: invalid PTX
};

/// PTX text, decoded. The constructor allocates and initialises the module's
/// variables in `memory`, the destructor releases them. `ptx` need not outlive
/// the constructor. Throws SimError InvalidPtx or UnsupportedInstruction for the first diagnostic.
class Module {
public:
  Module(DeviceMemory &memory, const DeviceProperties &device, std::string_view ptx);
  ~Module();
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  /// Null where the module has no such kernel or variable.
  const Kernel *findKernel(std::string_view name) const;
  const GlobalVariable *findGlobal(std::string_view name) const;
  const std::vector<std::unique_ptr<Kernel>> &kernels() const { return allKernels; }
  const std::vector<GlobalVariable> &globals() const { return allGlobals; }

  /// Everything refused in `ptx`, in order of lines; empty where it would load.
  static std::vector<Diagnostic> check(std::string_view ptx);

private:
  DeviceMemory &memory;
  std::vector<std::unique_ptr<Kernel>> allKernels;
  std::vector<GlobalVariable> allGlobals;
};

} // namespace qccsim

#endif // QCCSIM_MODULE_H
