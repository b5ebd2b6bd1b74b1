//===- Context.cpp - primary and explicit contexts ------------------------===//

#include "Driver.h"

#include <cstdlib>

using namespace qccsim;
using namespace qccsim::driver;

namespace {

/// Releases all that a context owns.
void clear(Driver &driver, CUcontext context) {
  driver.libraries.removeIf([&](CUlib_st &l) { return l.module->context == context; });
  driver.modules.removeIf([&](CUmod_st &m) { return m.context == context; });
  driver.streams.removeIf([&](CUstream_st &s) { return s.context == context; });
  driver.events.removeIf([&](CUevent_st &e) { return e.context == context; });
  for (CUdeviceptr address : context->allocations)
    driver.machine->memory().free(address);
  context->allocations.clear();
  for (auto &entry : context->hostAllocations)
    std::free(reinterpret_cast<void *>(entry.first));
  context->hostAllocations.clear();
  context->hostRegistered.clear();
  context->limits.clear();
  context->lost = CUDA_SUCCESS;
}

CUresult create(CUcontext *context, unsigned flags, CUdevice device) {
  return enter("cuCtxCreate", Needs::Init, [&](Driver &driver) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    auto created = std::make_unique<CUctx_st>();
    created->flags = flags;
    *context = driver.contexts.add(std::move(created));
    contextStack().push_back(*context);
    return CUDA_SUCCESS;
  });
}

} // namespace

// The versions of cuCtxCreate differ in parameters that only matter for features refused here.
CUresult cuCtxCreate_v4(CUcontext *context, CUctxCreateParams *parameters, unsigned flags, CUdevice device) {
  if (parameters)
    return refuse("cuCtxCreate", CUDA_ERROR_NOT_SUPPORTED,
                  "execution affinity and CIG parameters are not simulated; pass null");
  return create(context, flags, device);
}

extern "C" __attribute__((visibility("default"))) CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags,
                                                                          CUdevice device) {
  return create(context, flags, device);
}

CUresult cuCtxDestroy(CUcontext context) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (!context || !driver.contexts.has(context))
      return CUDA_ERROR_INVALID_CONTEXT;
    clear(driver, context);
    driver.contexts.remove(context);
    // Current in this thread only at the top; elsewhere it stays and reads as destroyed.
    if (currentContext() == context)
      contextStack().pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPushCurrent(CUcontext context) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (!driver.isContext(context))
      return CUDA_ERROR_INVALID_CONTEXT;
    contextStack().push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPopCurrent(CUcontext *context) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (contextStack().empty())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (context)
      *context = contextStack().back();
    contextStack().pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSetCurrent(CUcontext context) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (context && !driver.isContext(context))
      return CUDA_ERROR_INVALID_CONTEXT;
    std::vector<CUcontext> &stack = contextStack();
    if (!stack.empty())
      stack.pop_back();
    if (context)
      stack.push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetCurrent(CUcontext *context) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    *context = currentContext();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetDevice(CUdevice *device) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    *device = 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetFlags(unsigned *flags) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!flags)
      return CUDA_ERROR_INVALID_VALUE;
    *flags = currentContext()->flags;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetApiVersion(CUcontext context, unsigned *version) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    CUcontext which = context ? context : currentContext();
    if (!version)
      return CUDA_ERROR_INVALID_VALUE;
    if (!which || !driver.isContext(which))
      return CUDA_ERROR_INVALID_CONTEXT;
    *version = 3020; // of every context since CUDA 3.2
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSynchronize(void) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    CUcontext context = currentContext();
    if (driver.streams.find([&](CUstream_st &s) { return s.context == context && s.capture != nullptr; }))
      return refuse("cuCtxSynchronize", CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                    "a stream of the context is being captured");
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (least)
      *least = 0;
    if (greatest)
      *greatest = -5;
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!value)
      return CUDA_ERROR_INVALID_VALUE;
    auto &limits = currentContext()->limits;
    auto set = limits.find(limit);
    switch (limit) {
    case CU_LIMIT_STACK_SIZE:
      *value = set != limits.end() ? set->second : 1024;
      return CUDA_SUCCESS;
    case CU_LIMIT_MALLOC_HEAP_SIZE:
      *value = set != limits.end() ? set->second : 8u << 20;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_UNSUPPORTED_LIMIT;
    }
  });
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    // Local memory is as large as a kernel asks; the numbers are only kept.
    if (limit != CU_LIMIT_STACK_SIZE && limit != CU_LIMIT_MALLOC_HEAP_SIZE)
      return CUDA_ERROR_UNSUPPORTED_LIMIT;
    currentContext()->limits[limit] = value;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    ++driver.primary.references;
    *context = &driver.primary;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    if (driver.primary.references == 0)
      return CUDA_ERROR_INVALID_CONTEXT;
    if (--driver.primary.references == 0)
      clear(driver, &driver.primary);
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxReset(CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    clear(driver, &driver.primary);
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned flags) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    driver.primary.flags = flags;
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    if (!flags || !active)
      return CUDA_ERROR_INVALID_VALUE;
    *flags = driver.primary.flags;
    *active = driver.primary.references > 0;
    return CUDA_SUCCESS;
  });
}
