//===- KernelLoader.cpp ---------------------------------------------------===//

#include "KernelLoader.h"

namespace qccrt {

const plan::Image *bestCubin(const plan::Kernel &kernel, unsigned capability) {
  const plan::Image *best = nullptr;
  auto rank = [](const plan::Image &image) { return image.target() * 2 + image.specific(); };
  for (const plan::Image *image : *kernel.images()) {
    bool fits = image->specific() ? image->target() == capability
                                  : image->target() / 10 == capability / 10 && image->target() <= capability;
    if (image->kind() == plan::ImageKind::Cubin && fits && (!best || rank(*image) > rank(*best)))
      best = image;
  }
  return best;
}

const plan::Image *bestPtx(const plan::Kernel &kernel, unsigned capability) {
  const plan::Image *best = nullptr;
  for (const plan::Image *image : *kernel.images()) {
    bool fits = image->specific() ? image->target() == capability : image->target() <= capability;
    if (image->kind() == plan::ImageKind::Ptx && fits && (!best || image->target() > best->target()))
      best = image;
  }
  return best;
}

KernelLoader::KernelLoader(const Device &device, const EngineReader &engine) : device(device), engine(engine) {
  const auto &kernels = *engine.plan().kernels();
  // What can be seen from the plan alone is refused before anything is loaded.
  for (const plan::Kernel *kernel : kernels) {
    if (!bestCubin(*kernel, device.capability()) && !bestPtx(*kernel, device.capability()))
      mismatch(*kernel, "no image fits");
    if (kernel->shared_bytes() > device.sharedBytesPerBlock())
      mismatch(*kernel, text("it needs ", kernel->shared_bytes(), " bytes of shared memory, the limit here is ",
                             device.sharedBytesPerBlock()));
  }
  modules.reserve(kernels.size());
  functions.reserve(kernels.size());
  try {
    for (const plan::Kernel *kernel : kernels)
      load(*kernel);
  } catch (...) {
    for (cuda::Module module : modules)
      device.driver().moduleUnload(module);
    throw;
  }
}

KernelLoader::~KernelLoader() {
  for (cuda::Module module : modules)
    device.driver().moduleUnload(module);
}

void KernelLoader::load(const plan::Kernel &kernel) {
  cuda::Module module = nullptr;
  const plan::Image *cubin = bestCubin(kernel, device.capability());
  if (cubin && !refused.count({cubin->target(), cubin->specific()})) {
    cuda::Result result = tryImage(*cubin, module);
    if (result == cuda::kSuccess) {
      ++cubinCount;
      return prepare(kernel, module);
    }
    // Only "no binary for this GPU" asks for the PTX: any other refusal is an error that must be seen.
    if (result != cuda::kNoBinaryForGpu)
      device.driver().check(result, text("cannot load the cubin of kernel ", kernel.symbol()->c_str()).c_str());
    refused.insert({cubin->target(), cubin->specific()});
  }
  const plan::Image *ptx = bestPtx(kernel, device.capability());
  if (!ptx)
    mismatch(kernel, "the driver refuses the cubin, and there is no PTX for this GPU");
  cuda::Result result = tryImage(*ptx, module);
  if (result == cuda::kOutOfMemory)
    fail(QCCRT_OUT_OF_MEMORY, "cannot load kernel ", kernel.symbol()->c_str(), ": ", device.driver().describe(result));
  if (result != cuda::kSuccess)
    mismatch(kernel, text("the driver cannot compile its PTX: ", device.driver().describe(result),
                          log.empty() ? "" : "\n  ", log));
  prepare(kernel, module);
}

cuda::Result KernelLoader::tryImage(const plan::Image &image, cuda::Module &module) {
  std::vector<char> buffer(2048);
  int names[] = {cuda::kJitErrorLog, cuda::kJitErrorLogBytes};
  // The driver takes integer options in the pointer itself.
  void *values[] = {buffer.data(), reinterpret_cast<void *>(uintptr_t(buffer.size() - 1))};
  bool ptx = image.kind() == plan::ImageKind::Ptx;
  cuda::Result result = device.driver().moduleLoad(&module, engine.image(image).data(), ptx ? 2 : 0, names, values);
  log = buffer.data();
  while (!log.empty() && (log.back() == '\n' || log.back() == ' '))
    log.pop_back();
  return result;
}

void KernelLoader::prepare(const plan::Kernel &kernel, cuda::Module module) {
  modules.push_back(module);
  const cuda::Driver &driver = device.driver();
  std::string name = kernel.symbol()->str();
  cuda::Function function = nullptr;
  driver.check(driver.moduleGetFunction(&function, module, name.c_str()), ("cannot find kernel " + name).c_str());
  int threads = 0, fixedShared = 0;
  driver.check(driver.functionGetAttribute(&threads, cuda::kFuncMaxThreads, function), "cuFuncGetAttribute");
  driver.check(driver.functionGetAttribute(&fixedShared, cuda::kFuncStaticShared, function), "cuFuncGetAttribute");
  unsigned block = kernel.block()->Get(0) * kernel.block()->Get(1) * kernel.block()->Get(2);
  if (block > unsigned(threads))
    mismatch(kernel, text("its blocks have ", block, " threads, with its registers ", threads, " can run here"));
  if (kernel.shared_bytes() + unsigned(fixedShared) > device.sharedBytesPerBlock())
    mismatch(kernel, text("it needs ", kernel.shared_bytes() + unsigned(fixedShared),
                          " bytes of shared memory, the limit here is ", device.sharedBytesPerBlock()));
  driver.check(driver.functionSetAttribute(function, cuda::kFuncMaxDynamicShared, int(kernel.shared_bytes())),
               ("cannot give shared memory to kernel " + name).c_str());
  functions.push_back(function);
}

void KernelLoader::mismatch(const plan::Kernel &kernel, const std::string &why) const {
  std::set<std::string> cubins, ptx;
  for (const plan::Image *image : *kernel.images())
    (image->kind() == plan::ImageKind::Cubin ? cubins : ptx)
        .insert(text(image->target(), image->specific() ? "a" : ""));
  auto join = [](const std::set<std::string> &set, const char *prefix) {
    std::string list;
    for (const std::string &item : set)
      list += (list.empty() ? "" : ", ") + (prefix + item);
    return list.empty() ? std::string("none") : list;
  };
  fail(QCCRT_MISMATCH, engine.path(), ": engine does not match this GPU: kernel ", kernel.symbol()->c_str(), " (",
       quoted(kernel.family()->string_view()), "): ", why, "\n  engine has: cubin ", join(cubins, "sm_"), "; PTX ",
       join(ptx, "compute_"), "\n  machine has: ", device.describe(), "\n  fix: compile the model with --target sm_",
       device.capability());
}

} // namespace qccrt
