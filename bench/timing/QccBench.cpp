//===- QccBench.cpp -------------------------------------------------------===//

#include "QccBench.h"

#include "DriverApi.h"
#include "FastRandom.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include <sstream>

using namespace qcc;
using namespace qcc::bench;

struct QccBenchDevice {
  std::unique_ptr<Device> device;
  int target;
  std::string description;
  std::vector<DeviceBuffer> copied; // source, destination

  const DriverApi &driver() const { return device->driver(); }
};

struct QccBenchProblem {
  std::unique_ptr<Problem> problem;
  std::string description;
};

namespace {

std::string lastError;

int fail(std::string message) {
  lastError = std::move(message);
  return 1;
}

int report(const Status &status) { return status ? 0 : fail(status.error().message); }

int check(QccBenchDevice *device, const char *call, int code) { return report(device->driver().check(call, code)); }

/// Symbols, configurations and device names have no control characters.
std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (char c : text)
    out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

Expected<std::vector<PlannedKernel>> kernelsOf(QccBenchDevice *device, const std::string &line) {
  Expected<Spec> spec = Spec::parse(line);
  if (!spec)
    return spec.takeError();
  return kernelsOf(planOf(*spec, device->target), device->target);
}

} // namespace

const char *qccBenchError(void) { return lastError.c_str(); }

QccBenchDevice *qccBenchOpen(const char *library, int target) {
  Expected<std::unique_ptr<Device>> device = Device::open(library ? library : "");
  if (!device) {
    fail(device.error().message);
    return nullptr;
  }
  Expected<const codegen::Nvrtc *> nvrtc = codegen::Nvrtc::get();
  if (!nvrtc) {
    fail(nvrtc.error().message);
    return nullptr;
  }
  auto opened = new QccBenchDevice{std::move(*device), target, "", {}};
  Device &d = *opened->device;
  if (opened->target == 0)
    opened->target = d.capability();
  int version = 0;
  if (check(opened, "cuDriverGetVersion", opened->driver().driverGetVersion(&version)) != 0) {
    delete opened;
    return nullptr;
  }
  opened->description =
      text("{\"name\": ", quoted(d.name()), ", \"capability\": ", d.capability(), ", \"target\": ", opened->target,
           ", \"multiprocessors\": ", d.multiprocessors(), ", \"l2_bytes\": ", d.l2Bytes(), ", \"driver\": ", version,
           ", \"nvrtc\": ", quoted((*nvrtc)->version()),
           ", \"simulator\": ", opened->driver().simulatorError ? "true" : "false", "}");
  return opened;
}

const char *qccBenchDescribe(QccBenchDevice *device) { return device->description.c_str(); }

const char *qccBenchKernels(QccBenchDevice *device, const char *spec) {
  static std::string names;
  Expected<std::vector<PlannedKernel>> kernels = kernelsOf(device, spec);
  if (!kernels) {
    fail(kernels.error().message);
    return nullptr;
  }
  names = namesOf(*kernels);
  return names.c_str();
}

int qccBenchCompile(QccBenchDevice *device, const char *specs) {
  std::vector<codegen::KernelInstance> instances;
  std::istringstream lines(specs);
  for (std::string line; std::getline(lines, line);) {
    if (Expected<std::vector<PlannedKernel>> kernels = kernelsOf(device, line))
      for (PlannedKernel &kernel : *kernels)
        instances.push_back(std::move(kernel.instance));
  }
  // What Device::load will ask the cache for: the simulator takes no cubins.
  std::string arch = text(device->driver().simulatorError ? "compute_" : "sm_", device->target);
  codegen::KernelCache cache(codegen::KernelCache::defaultDirectory());
  auto images = codegen::compileAll(instances, {arch}, cache, defaultThreads());
  return images ? 0 : fail(images.error().message);
}

QccBenchProblem *qccBenchCreate(QccBenchDevice *device, const char *line, size_t rotateBytes) {
  Expected<Spec> spec = Spec::parse(line);
  if (!spec) {
    fail(spec.error().message);
    return nullptr;
  }
  Expected<std::unique_ptr<Problem>> made = Problem::make(*device->device, device->target, *spec, rotateBytes);
  if (!made) {
    fail(made.error().message);
    return nullptr;
  }
  auto problem = new QccBenchProblem{std::move(*made), ""};
  const Problem &p = *problem->problem;
  problem->description = text("{\"bytes\": ", int64_t(p.bytes()), ", \"flops\": ", int64_t(p.flops),
                              ", \"copies\": ", p.copies(), ", \"kernels\": ", quoted(p.kernelNames()), "}");
  return problem;
}

void qccBenchDestroy(QccBenchProblem *problem) { delete problem; }

const char *qccBenchProblemDescribe(QccBenchProblem *problem) { return problem->description.c_str(); }

int qccBenchVerify(QccBenchProblem *problem) {
  std::string wrong = problem->problem->verify();
  return wrong.empty() ? 0 : fail(wrong);
}

int qccBenchLaunch(QccBenchProblem *problem, int copy, void *stream) {
  if (copy < 0 || copy >= problem->problem->copies())
    return fail(text("launch: copy ", copy, " is not below ", problem->problem->copies()));
  return report(problem->problem->enqueue(copy, stream));
}

int qccBenchSynchronize(QccBenchDevice *device) { return report(device->device->synchronize()); }

void *qccBenchEventCreate(QccBenchDevice *device) {
  void *event = nullptr;
  return check(device, "cuEventCreate", device->driver().eventCreate(&event, 0)) == 0 ? event : nullptr;
}

int qccBenchEventRecord(QccBenchDevice *device, void *event, void *stream) {
  return check(device, "cuEventRecord", device->driver().eventRecord(event, stream));
}

int qccBenchElapsed(QccBenchDevice *device, void *start, void *end, float *milliseconds) {
  const DriverApi &driver = device->driver();
  if (int failed = check(device, "cuEventSynchronize", driver.eventSynchronize(end)))
    return failed;
  return check(device, "cuEventElapsedTime", driver.eventElapsedTime(milliseconds, start, end));
}

void *qccBenchStreamCreate(QccBenchDevice *device) {
  constexpr unsigned kNonBlocking = 1;
  void *stream = nullptr;
  return check(device, "cuStreamCreate", device->driver().streamCreate(&stream, kNonBlocking)) == 0 ? stream : nullptr;
}

int qccBenchCaptureBegin(QccBenchDevice *device, void *stream) {
  constexpr int kThreadLocal = 1;
  return check(device, "cuStreamBeginCapture", device->driver().streamBeginCapture(stream, kThreadLocal));
}

void *qccBenchCaptureEnd(QccBenchDevice *device, void *stream) {
  const DriverApi &driver = device->driver();
  void *graph = nullptr, *executable = nullptr;
  if (check(device, "cuStreamEndCapture", driver.streamEndCapture(stream, &graph)) != 0)
    return nullptr;
  int failed = check(device, "cuGraphInstantiate", driver.graphInstantiate(&executable, graph, 0));
  driver.graphDestroy(graph);
  return failed ? nullptr : executable;
}

int qccBenchGraphLaunch(QccBenchDevice *device, void *graph, void *stream) {
  return check(device, "cuGraphLaunch", device->driver().graphLaunch(graph, stream));
}

int qccBenchGraphDestroy(QccBenchDevice *device, void *graph) {
  return check(device, "cuGraphExecDestroy", device->driver().graphExecDestroy(graph));
}

int qccBenchCopy(QccBenchDevice *device, size_t bytes, void *stream) {
  if (device->copied.empty() || device->copied[0].size() != bytes) {
    device->copied.clear();
    for (int i = 0; i < 2; ++i) {
      Expected<DeviceBuffer> buffer = device->device->allocate(bytes);
      if (!buffer)
        return fail(buffer.error().message);
      device->copied.push_back(std::move(*buffer));
    }
    Bytes words = FastRandom(9).bf16(bytes / 2);
    if (int failed = report(device->copied[0].write(std::as_bytes(std::span(words)))))
      return failed;
  }
  return check(device, "cuMemcpyDtoDAsync",
               device->driver().memcpyDtoDAsync(device->copied[1].get(), device->copied[0].get(), bytes, stream));
}
