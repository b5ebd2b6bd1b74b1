//===- Modules.cpp - loading PTX, libraries, variables --------------------===//

#include "Driver.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

using namespace qccsim;
using namespace qccsim::driver;

CUmod_st::~CUmod_st() {
  for (auto &entry : functions)
    Driver::get().functions.erase(entry.second.get());
}

namespace {

constexpr int newestPtx = 90; ///< of CUDA 13.0

/// The JIT options that carry results; the others only steer a compiler that is not here.
struct JitOptions {
  char *errorLog = nullptr, *infoLog = nullptr;
  size_t errorSize = 0, infoSize = 0;
  void **errorSizeSlot = nullptr, **infoSizeSlot = nullptr;
  void **wallTimeSlot = nullptr;
};

CUresult readOptions(unsigned count, CUjit_option *options, void **values, JitOptions &jit) {
  if (count != 0 && (!options || !values))
    return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < count; ++i) {
    auto number = reinterpret_cast<uintptr_t>(values[i]);
    switch (options[i]) {
    case CU_JIT_ERROR_LOG_BUFFER:
      jit.errorLog = static_cast<char *>(values[i]);
      break;
    case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
      jit.errorSize = unsigned(number);
      jit.errorSizeSlot = &values[i];
      break;
    case CU_JIT_INFO_LOG_BUFFER:
      jit.infoLog = static_cast<char *>(values[i]);
      break;
    case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
      jit.infoSize = unsigned(number);
      jit.infoSizeSlot = &values[i];
      break;
    case CU_JIT_WALL_TIME:
      jit.wallTimeSlot = &values[i];
      break;
    default:
      if (options[i] < 0 || options[i] >= CU_JIT_NUM_OPTIONS)
        return CUDA_ERROR_INVALID_VALUE;
    }
  }
  return CUDA_SUCCESS;
}

/// Copies what fits with its terminator; the slot receives the bytes written.
void writeLog(char *buffer, size_t size, void **slot, const std::string &text) {
  size_t written = 0;
  if (buffer && size > 0) {
    written = std::min(size - 1, text.size());
    std::memcpy(buffer, text.data(), written);
    buffer[written++] = 0;
  }
  if (slot)
    *slot = reinterpret_cast<void *>(uintptr_t(written));
}

/// `.version` and `.target` of a module, as far as they are there.
struct Header {
  int version = 0;  ///< 90 for 9.0
  int arch = 0;     ///< 90 for sm_90a
  char feature = 0; ///< 'a' or 'f' of the target, 0 without
};

/// The word after the directive `name` outside of comments, empty without one.
std::string directiveOperand(std::string_view text, std::string_view name) {
  size_t i = 0;
  while (i < text.size()) {
    if (text.substr(i, 2) == "//") {
      i = std::min(text.find('\n', i), text.size());
    } else if (text.substr(i, 2) == "/*") {
      i = std::min(text.find("*/", i), text.size() - 2) + 2;
    } else if (text.substr(i, name.size()) == name) {
      i += name.size();
      while (i < text.size() && std::isspace(static_cast<unsigned char>(text[i])))
        ++i;
      size_t start = i;
      while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_' || text[i] == '.'))
        ++i;
      return std::string(text.substr(start, i - start));
    } else {
      ++i;
    }
  }
  return {};
}

Header readHeader(std::string_view text) {
  Header header;
  int major = 0, minor = 0;
  if (std::sscanf(directiveOperand(text, ".version").c_str(), "%d.%d", &major, &minor) == 2)
    header.version = major * 10 + minor;
  std::sscanf(directiveOperand(text, ".target").c_str(), "sm_%d%c", &header.arch, &header.feature);
  return header;
}

/// What the driver's loader would refuse before its compiler sees the text.
std::optional<std::pair<CUresult, std::string>> checkHeader(const Header &header, const DeviceProperties &device) {
  if (header.version > newestPtx)
    return {{CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "PTX version " + std::to_string(header.version / 10) + "." +
                                                     std::to_string(header.version % 10) +
                                                     " is newer than 9.0, the newest of CUDA 13.0"}};
  int arch = device.computeMajor * 10 + device.computeMinor;
  std::string target = "sm_" + std::to_string(header.arch);
  if (header.feature)
    target += header.feature;
  if (header.arch > arch)
    return {{CUDA_ERROR_INVALID_PTX,
             "the module's .target " + target + " is above the device, sm_" + std::to_string(arch)}};
  if (header.feature == 'a' && header.arch != arch)
    return {{CUDA_ERROR_INVALID_PTX, "the module's .target " + target + " runs on no device but sm_" +
                                         std::to_string(header.arch) + "; this one is sm_" + std::to_string(arch)}};
  return std::nullopt;
}

CUresult imageError(const unsigned char *image) {
  if (std::memcmp(image, "\177ELF", 4) == 0) {
    // Not printed: callers that carry cubin and PTX, as qcc's runtime does, try the cubin first.
    note("cuModuleLoadData", "a cubin does not run on the simulator; load the PTX");
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  const unsigned char fatbin[] = {0x50, 0xED, 0x55, 0xBA};
  if (std::memcmp(image, fatbin, 4) == 0)
    return refuse("cuModuleLoadData", CUDA_ERROR_NO_BINARY_FOR_GPU,
                  "a fatbin does not run on the simulator; load the PTX");
  return CUDA_SUCCESS;
}

CUresult load(Driver &driver, CUmodule *module, const void *image, unsigned count, CUjit_option *options,
              void **values) {
  if (!module || !image)
    return CUDA_ERROR_INVALID_VALUE;
  JitOptions jit;
  if (CUresult result = readOptions(count, options, values, jit))
    return result;
  if (CUresult result = imageError(static_cast<const unsigned char *>(image)))
    return result;

  std::string_view text(static_cast<const char *>(image));
  auto start = std::chrono::steady_clock::now();
  CUresult result = CUDA_SUCCESS;
  std::string log;
  Header header = readHeader(text);
  if (header.version == 0) {
    result = CUDA_ERROR_INVALID_IMAGE;
    log = "the image is neither PTX (no .version directive) nor a cubin";
  } else if (auto error = checkHeader(header, driver.machine->properties())) {
    std::tie(result, log) = *error;
  } else {
    try {
      auto loaded = std::make_unique<CUmod_st>();
      loaded->context = currentContext();
      loaded->code = std::make_unique<Module>(driver.machine->memory(), driver.machine->properties(), text);
      *module = driver.modules.add(std::move(loaded));
    } catch (const SimError &error) {
      log = error.what();
      result = error.kind == ErrorKind::UnsupportedInstruction ? CUDA_ERROR_NOT_SUPPORTED
               : error.kind == ErrorKind::OutOfMemory          ? CUDA_ERROR_OUT_OF_MEMORY
                                                               : CUDA_ERROR_INVALID_PTX;
    }
  }
  std::chrono::duration<float, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  writeLog(jit.errorLog, jit.errorSize, jit.errorSizeSlot, log);
  writeLog(jit.infoLog, jit.infoSize, jit.infoSizeSlot, "");
  if (jit.wallTimeSlot) {
    float milliseconds = elapsed.count();
    std::memcpy(jit.wallTimeSlot, &milliseconds, sizeof(float));
  }
  return result == CUDA_SUCCESS ? result : refuse("cuModuleLoadData", result, log);
}

CUresult findFunction(Driver &driver, CUmodule module, const char *name, CUfunction *function) {
  auto known = module->functions.find(name);
  if (known == module->functions.end()) {
    const Kernel *kernel = module->code->findKernel(name);
    if (!kernel)
      return refuse("cuModuleGetFunction", CUDA_ERROR_NOT_FOUND,
                    std::string("the module has no kernel '") + name + "'");
    auto created = std::make_unique<CUfunc_st>();
    created->module = module;
    created->kernel = kernel;
    driver.functions.insert(created.get());
    known = module->functions.emplace(name, std::move(created)).first;
  }
  *function = known->second.get();
  return CUDA_SUCCESS;
}

CUresult findGlobal(CUmodule module, const char *name, CUdeviceptr *address, size_t *bytes) {
  const GlobalVariable *variable = module->code->findGlobal(name);
  if (!variable)
    return refuse("cuModuleGetGlobal", CUDA_ERROR_NOT_FOUND, std::string("the module has no variable '") + name + "'");
  if (address)
    *address = variable->address;
  if (bytes)
    *bytes = variable->bytes;
  return CUDA_SUCCESS;
}

CUkernel asKernel(CUfunction function) { return reinterpret_cast<CUkernel>(function); }
CUfunction asFunction(CUkernel kernel) { return reinterpret_cast<CUfunction>(kernel); }

} // namespace

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values) {
  return enter(__func__, Needs::Context,
               [&](Driver &driver) { return load(driver, module, image, count, options, values); });
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult cuModuleLoadFatBinary(CUmodule *, const void *) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    return refuse("cuModuleLoadFatBinary", CUDA_ERROR_NO_BINARY_FOR_GPU,
                  "a fatbin does not run on the simulator; load the PTX");
  });
}

CUresult cuModuleUnload(CUmodule module) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!driver.modules.has(module) || module->ofLibrary)
      return CUDA_ERROR_INVALID_HANDLE;
    driver.modules.remove(module);
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!function || !name)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.modules.has(module))
      return CUDA_ERROR_INVALID_HANDLE;
    return findFunction(driver, module, name, function);
  });
}

CUresult cuModuleGetFunctionCount(unsigned *count, CUmodule module) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.modules.has(module))
      return CUDA_ERROR_INVALID_HANDLE;
    *count = unsigned(module->code->kernels().size());
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetGlobal(CUdeviceptr *address, size_t *bytes, CUmodule module, const char *name) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!name)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.modules.has(module))
      return CUDA_ERROR_INVALID_HANDLE;
    return findGlobal(module, name, address, bytes);
  });
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!mode)
      return CUDA_ERROR_INVALID_VALUE;
    *mode = CU_MODULE_EAGER_LOADING;
    return CUDA_SUCCESS;
  });
}

// Libraries are modules of the current context: there is one device.

CUresult cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *options, void **values, unsigned count,
                           CUlibraryOption *, void **, unsigned) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    CUmodule module = nullptr;
    if (!library)
      return CUDA_ERROR_INVALID_VALUE;
    if (CUresult result = load(driver, &module, code, count, options, values))
      return result;
    module->ofLibrary = true;
    auto created = std::make_unique<CUlib_st>();
    created->module = module;
    *library = driver.libraries.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

CUresult cuLibraryUnload(CUlibrary library) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!driver.libraries.has(library))
      return CUDA_ERROR_INVALID_HANDLE;
    driver.modules.remove(library->module);
    driver.libraries.remove(library);
    return CUDA_SUCCESS;
  });
}

CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary library, const char *name) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!kernel || !name)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.libraries.has(library))
      return CUDA_ERROR_INVALID_HANDLE;
    CUfunction function = nullptr;
    CUresult result = findFunction(driver, library->module, name, &function);
    *kernel = asKernel(function);
    return result;
  });
}

CUresult cuLibraryGetKernelCount(unsigned *count, CUlibrary library) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.libraries.has(library))
      return CUDA_ERROR_INVALID_HANDLE;
    *count = unsigned(library->module->code->kernels().size());
    return CUDA_SUCCESS;
  });
}

CUresult cuLibraryGetModule(CUmodule *module, CUlibrary library) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!module)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.libraries.has(library))
      return CUDA_ERROR_INVALID_HANDLE;
    *module = library->module;
    return CUDA_SUCCESS;
  });
}

CUresult cuLibraryGetGlobal(CUdeviceptr *address, size_t *bytes, CUlibrary library, const char *name) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!name)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.libraries.has(library))
      return CUDA_ERROR_INVALID_HANDLE;
    return findGlobal(library->module, name, address, bytes);
  });
}

CUresult cuKernelGetFunction(CUfunction *function, CUkernel kernel) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!function)
      return CUDA_ERROR_INVALID_VALUE;
    if (!checkedFunction(driver, asFunction(kernel)))
      return CUDA_ERROR_INVALID_HANDLE;
    *function = asFunction(kernel);
    return CUDA_SUCCESS;
  });
}
