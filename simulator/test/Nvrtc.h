//===- Nvrtc.h - CUDA C++ to PTX in tests ---------------------------------===//

#ifndef QCCSIM_TEST_NVRTC_H
#define QCCSIM_TEST_NVRTC_H

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace qccsim::test {

/// The few functions of NVRTC that are needed, found at run time.
inline std::string compile(const std::string &source, const std::string &arch) {
  static void *library = dlopen(QCCSIM_NVRTC, RTLD_NOW);
  if (!library)
    throw std::runtime_error(dlerror());
  auto find = [](const char *name) { return dlsym(library, name); };
  using Program = void *;
  auto create = reinterpret_cast<int (*)(Program *, const char *, const char *, int, const char **, const char **)>(
      find("nvrtcCreateProgram"));
  auto build = reinterpret_cast<int (*)(Program, int, const char **)>(find("nvrtcCompileProgram"));
  auto size = reinterpret_cast<int (*)(Program, size_t *)>(find("nvrtcGetPTXSize"));
  auto get = reinterpret_cast<int (*)(Program, char *)>(find("nvrtcGetPTX"));
  auto logSize = reinterpret_cast<int (*)(Program, size_t *)>(find("nvrtcGetProgramLogSize"));
  auto log = reinterpret_cast<int (*)(Program, char *)>(find("nvrtcGetProgramLog"));
  auto destroy = reinterpret_cast<int (*)(Program *)>(find("nvrtcDestroyProgram"));
  Program program = nullptr;
  create(&program, source.c_str(), "test.cu", 0, nullptr, nullptr);
  std::string target = "--gpu-architecture=" + arch;
  const char *options[] = {target.c_str(), "-I" QCCSIM_CUDA_INCLUDE, "--std=c++17", "-lineinfo"};
  int result = build(program, 4, options);
  size_t bytes = 0;
  if (result) {
    logSize(program, &bytes);
    std::string text(bytes, '\0');
    log(program, text.data());
    throw std::runtime_error(text);
  }
  size(program, &bytes);
  std::string ptx(bytes, '\0');
  get(program, ptx.data());
  destroy(&program);
  return ptx;
}

} // namespace qccsim::test

#endif // QCCSIM_TEST_NVRTC_H
