//===- Nvrtc.cpp - Opens libnvrtc and compiles stubs ----------------------===//

#include "qcc/CodeGen/Nvrtc.h"

#include "qcc/CodeGen/KernelHeaders.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <dlfcn.h>

namespace qcc::codegen {

// The few declarations of nvrtc.h (CUDA 13) that are used, so that building needs no CUDA header.
struct Nvrtc::Api {
  using Program = struct _nvrtcProgram *;
  int (*version)(int *major, int *minor);
  int (*createProgram)(Program *, const char *source, const char *name, int headers, const char *const *texts,
                       const char *const *names);
  int (*destroyProgram)(Program *);
  int (*compileProgram)(Program, int options, const char *const *values);
  int (*getPtxSize)(Program, size_t *);
  int (*getPtx)(Program, char *);
  int (*getCubinSize)(Program, size_t *);
  int (*getCubin)(Program, char *);
  int (*getLogSize)(Program, size_t *);
  int (*getLog)(Program, char *);
  const char *(*errorString)(int);
};

struct NvrtcLoader {
  Nvrtc nvrtc;
  Nvrtc::Api api{};
  std::string problem;

  NvrtcLoader() {
    std::string searched;
    for (const std::string &path : candidates()) {
      searched += (searched.empty() ? "" : ", ") + path;
      // Local binding: a process may hold another CUDA version's NVRTC too.
      if (void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (bind(library, path))
          return;
        dlclose(library);
      }
    }
    problem = "libnvrtc: no usable library of CUDA 13 among: " + searched +
              "; set CUDA_HOME or QCC_NVRTC, or run tools/dev/setup.sh" + problem;
  }

  static std::vector<std::string> candidates() {
    // A library that the user names is the only candidate: silently taking another would hide the mistake.
    if (const char *chosen = std::getenv("QCC_NVRTC"))
      return {chosen};
    const std::string name = "libnvrtc.so.13";
    std::vector<std::string> paths;
    if (const char *home = std::getenv("CUDA_HOME"))
      paths.push_back(std::string(home) + "/lib64/" + name);
    for (const char *root : {"/usr/local/cuda", "/usr/local/cuda-13.0", "/opt/cuda"})
      paths.push_back(std::string(root) + "/lib64/" + name);
    const char *wheels = std::getenv("QCC_CUDA_WHEELS");
    for (const char *package : {"cu13", "cuda_nvrtc"})
      paths.push_back(std::string(wheels ? wheels : "/opt/qcc-cuda") + "/nvidia/" + package + "/lib/" + name);
    paths.push_back(name);
    return paths;
  }

  bool bind(void *library, const std::string &path) {
    bool complete = true;
    auto find = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      complete &= function != nullptr;
    };
    find(api.version, "nvrtcVersion");
    find(api.createProgram, "nvrtcCreateProgram");
    find(api.destroyProgram, "nvrtcDestroyProgram");
    find(api.compileProgram, "nvrtcCompileProgram");
    find(api.getPtxSize, "nvrtcGetPTXSize");
    find(api.getPtx, "nvrtcGetPTX");
    find(api.getCubinSize, "nvrtcGetCUBINSize");
    find(api.getCubin, "nvrtcGetCUBIN");
    find(api.getLogSize, "nvrtcGetProgramLogSize");
    find(api.getLog, "nvrtcGetProgramLog");
    find(api.errorString, "nvrtcGetErrorString");
    int major = 0, minor = 0;
    if (!complete || api.version(&major, &minor) != 0 || major != 13) {
      problem += "\nnote: " + path +
                 (complete ? " is version " + std::to_string(major) + "." + std::to_string(minor)
                           : " lacks functions of NVRTC");
      return false;
    }
    nvrtc.api = &api;
    nvrtc.versionText = std::to_string(major) + "." + std::to_string(minor);
    nvrtc.libraryPath = path;
    return true;
  }
};

Expected<const Nvrtc *> Nvrtc::get() {
  static const NvrtcLoader loader;
  if (!loader.nvrtc.api)
    return Error{loader.problem, ExitCode::Unavailable};
  return &loader.nvrtc;
}

const std::vector<std::string> &Nvrtc::options() {
  static const std::vector<std::string> options = {"--std=c++20", "-default-device", "--ptxas-options=-v",
                                                   "--ptxas-options=--warn-on-spills"};
  return options;
}

int capabilityOf(const std::string &arch) {
  for (const std::string prefix : {"sm_", "compute_"}) {
    if (arch.rfind(prefix, 0) != 0)
      continue;
    int value = 0;
    const char *begin = arch.data() + prefix.size(), *end = arch.data() + arch.size();
    auto [stop, failure] = std::from_chars(begin, end, value);
    return failure == std::errc() && stop == end ? value : 0;
  }
  return 0;
}

namespace {

/// The number before `what` in ptxas' report ("Used 40 registers", "0 bytes stack frame"), 0 when it is not there.
int numberBefore(const std::string &log, const std::string &what) {
  size_t at = log.find(what);
  if (at == std::string::npos)
    return 0;
  size_t begin = at;
  while (begin > 0 && log[begin - 1] >= '0' && log[begin - 1] <= '9')
    --begin;
  int value = 0;
  std::from_chars(log.data() + begin, log.data() + at, value);
  return value;
}

KernelResources resourcesFrom(const std::string &log) {
  return {numberBefore(log, " registers"), numberBefore(log, " bytes stack frame"),
          numberBefore(log, " bytes spill stores") + numberBefore(log, " bytes spill loads"),
          numberBefore(log, " bytes smem")};
}

} // namespace

Expected<KernelImage> Nvrtc::compile(const KernelInstance &instance, const std::string &arch) const {
  auto failure = [&](const std::string &what, ExitCode code = ExitCode::Internal) {
    return Error{"kernel " + instance.symbol + " for " + arch + ": " + what, code};
  };
  int capability = capabilityOf(arch);
  if (capability == 0)
    return failure("the architecture must be sm_NN or compute_NN", ExitCode::Usage);
  if (capability < instance.minTarget)
    return failure("needs compute capability " + std::to_string(instance.minTarget) + " or higher", ExitCode::Usage);

  std::vector<const char *> names, texts;
  for (const EmbeddedFile &file : kernelHeaders()) {
    names.push_back(file.name);
    texts.push_back(file.text);
  }
  struct Handle {
    const Api *api;
    Api::Program program = nullptr;
    ~Handle() {
      if (program)
        api->destroyProgram(&program);
    }
  } handle{api};
  if (int code = api->createProgram(&handle.program, instance.source.c_str(), (instance.symbol + ".cu").c_str(),
                                    int(names.size()), texts.data(), names.data()))
    return failure(std::string("NVRTC: ") + api->errorString(code));

  std::string archOption = "--gpu-architecture=" + arch;
  std::vector<const char *> arguments = {archOption.c_str()};
  for (const std::string &option : options())
    arguments.push_back(option.c_str());
  int compiled = api->compileProgram(handle.program, int(arguments.size()), arguments.data());

  KernelImage result{arch, {}, {}, {}};
  size_t size = 0;
  if (api->getLogSize(handle.program, &size) == 0 && size > 1) {
    result.log.resize(size);
    api->getLog(handle.program, result.log.data());
    result.log.resize(size - 1); // counts its NUL
  }
  if (compiled != 0)
    return failure(std::string("NVRTC: ") + api->errorString(compiled) + "\n" + result.log);

  bool cubin = arch[0] == 's';
  if ((cubin ? api->getCubinSize : api->getPtxSize)(handle.program, &size) != 0 || size == 0)
    return failure("NVRTC gave no image");
  result.image.resize(size);
  (cubin ? api->getCubin : api->getPtx)(handle.program, result.image.data());
  if (!cubin)
    result.image.resize(size - 1); // counts its NUL
  if (cubin)
    result.resources = resourcesFrom(result.log);
  return result;
}

} // namespace qcc::codegen
