//===- Streams.cpp - streams, events, capture -----------------------------===//

#include "Graph.h"

using namespace qccsim;
using namespace qccsim::driver;

namespace {

bool isNamed(CUstream stream) { return stream && stream != CU_STREAM_LEGACY && stream != CU_STREAM_PER_THREAD; }

template <typename Body> CUresult withStream(const char *name, CUstream stream, Body &&body) {
  return enter(name, Needs::Context,
               [&](Driver &driver) { return isStream(driver, stream) ? body(driver) : CUDA_ERROR_INVALID_HANDLE; });
}

template <typename Body> CUresult withEvent(const char *name, CUevent event, Body &&body) {
  return enter(name, Needs::Context,
               [&](Driver &driver) { return driver.events.has(event) ? body(driver) : CUDA_ERROR_INVALID_HANDLE; });
}

bool isCapturing(CUstream stream) { return isNamed(stream) && stream->capture; }

/// For calls that ask whether a capturing stream is idle: prohibited, and the capture is lost.
CUresult refuseWhileCapturing(const char *function, CUstream stream) {
  if (!isCapturing(stream))
    return CUDA_SUCCESS;
  stream->capture->invalidated = true;
  return refuse(function, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                "the stream is being captured and cannot be waited for");
}

CUresult elapsed(float *milliseconds, CUevent start, CUevent end) {
  return enter("cuEventElapsedTime", Needs::Context, [&](Driver &driver) {
    if (!milliseconds)
      return CUDA_ERROR_INVALID_VALUE;
    for (CUevent event : {start, end})
      if (!driver.events.has(event) || !event->recorded || (event->flags & CU_EVENT_DISABLE_TIMING))
        return CUDA_ERROR_INVALID_HANDLE;
    // The host's clock: how long the simulator took, not what a GPU would.
    *milliseconds = std::chrono::duration<float, std::milli>(end->when - start->when).count();
    return CUDA_SUCCESS;
  });
}

} // namespace

CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!stream || (flags & ~unsigned(CU_STREAM_NON_BLOCKING)))
      return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<CUstream_st>();
    created->context = currentContext();
    created->flags = flags;
    created->priority = priority;
    *stream = driver.streams.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) { return cuStreamCreateWithPriority(stream, flags, 0); }

CUresult cuStreamDestroy(CUstream stream) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!driver.streams.has(stream))
      return CUDA_ERROR_INVALID_HANDLE;
    driver.streams.remove(stream);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream stream) {
  return withStream(__func__, stream, [&](Driver &) { return refuseWhileCapturing("cuStreamSynchronize", stream); });
}

CUresult cuStreamQuery(CUstream stream) {
  return withStream(__func__, stream, [&](Driver &) { return refuseWhileCapturing("cuStreamQuery", stream); });
}

CUresult cuStreamGetFlags(CUstream stream, unsigned *flags) {
  return withStream(__func__, stream, [&](Driver &) {
    if (!flags)
      return CUDA_ERROR_INVALID_VALUE;
    *flags = isNamed(stream) ? stream->flags : 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamGetPriority(CUstream stream, int *priority) {
  return withStream(__func__, stream, [&](Driver &) {
    if (!priority)
      return CUDA_ERROR_INVALID_VALUE;
    *priority = isNamed(stream) ? stream->priority : 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *context) {
  return withStream(__func__, stream, [&](Driver &) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    *context = currentContext();
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  return withStream(__func__, stream, [&](Driver &driver) {
    if (!driver.events.has(event))
      return CUDA_ERROR_INVALID_HANDLE;
    // A wait for an event of a running capture draws the stream into it.
    if (event->capture && isNamed(stream) && !stream->capture)
      stream->capture = event->capture;
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void *data) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!function)
      return CUDA_ERROR_INVALID_VALUE;
    return enqueue("cuLaunchHostFunc", driver, stream, HostWork{function, data});
  });
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!event)
      return CUDA_ERROR_INVALID_VALUE;
    if (flags & CU_EVENT_INTERPROCESS)
      return refuse("cuEventCreate", CUDA_ERROR_NOT_SUPPORTED, "interprocess events are not simulated");
    auto created = std::make_unique<CUevent_st>();
    created->context = currentContext();
    created->flags = flags;
    *event = driver.events.add(std::move(created));
    return CUDA_SUCCESS;
  });
}

CUresult cuEventDestroy(CUevent event) {
  return withEvent(__func__, event, [&](Driver &driver) {
    driver.events.remove(event);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned) {
  return withEvent(__func__, event, [&](Driver &driver) {
    if (!isStream(driver, stream))
      return CUDA_ERROR_INVALID_HANDLE;
    event->capture = isNamed(stream) ? stream->capture : nullptr;
    if (!event->capture) {
      event->recorded = true;
      event->when = std::chrono::steady_clock::now();
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecord(CUevent event, CUstream stream) { return cuEventRecordWithFlags(event, stream, 0); }

CUresult cuEventSynchronize(CUevent event) {
  return withEvent(__func__, event, [&](Driver &) {
    return event->capture
               ? refuse("cuEventSynchronize", CUDA_ERROR_CAPTURED_EVENT, "the event was recorded by a capture")
               : CUDA_SUCCESS;
  });
}

CUresult cuEventQuery(CUevent event) {
  return withEvent(__func__, event, [&](Driver &) {
    return event->capture ? refuse("cuEventQuery", CUDA_ERROR_CAPTURED_EVENT, "the event was recorded by a capture")
                          : CUDA_SUCCESS;
  });
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
  return elapsed(milliseconds, start, end);
}

// The first version differs in what it answers for events still running, which there are none of.
#undef cuEventElapsedTime
extern "C" __attribute__((visibility("default"))) CUresult cuEventElapsedTime(float *milliseconds, CUevent start,
                                                                              CUevent end) {
  return elapsed(milliseconds, start, end);
}

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
  return withStream(__func__, stream, [&](Driver &) {
    if (!isNamed(stream))
      return refuse("cuStreamBeginCapture", CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                    "the default stream cannot be captured");
    if (stream->capture)
      return CUDA_ERROR_ILLEGAL_STATE;
    static uint64_t nextId = 0;
    stream->capture = std::make_shared<Capture>();
    stream->capture->origin = stream;
    stream->capture->mode = mode;
    stream->capture->thread = std::this_thread::get_id();
    stream->capture->id = ++nextId;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  return withStream(__func__, stream, [&](Driver &driver) {
    if (!graph)
      return CUDA_ERROR_INVALID_VALUE;
    *graph = nullptr;
    if (!isCapturing(stream))
      return CUDA_ERROR_ILLEGAL_STATE;
    std::shared_ptr<Capture> capture = stream->capture;
    if (capture->origin != stream)
      return refuse("cuStreamEndCapture", CUDA_ERROR_STREAM_CAPTURE_UNMATCHED,
                    "the capture was begun on another stream");
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != std::this_thread::get_id())
      return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    // Every stream and event drawn in leaves with the origin.
    while (CUstream other = driver.streams.find([&](CUstream_st &s) { return s.capture == capture; }))
      other->capture.reset();
    while (CUevent event = driver.events.find([&](CUevent_st &e) { return e.capture == capture; }))
      event->capture.reset();
    if (capture->invalidated)
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    *graph = makeGraph(std::move(capture->works));
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
  return withStream(__func__, stream, [&](Driver &) {
    if (!status)
      return CUDA_ERROR_INVALID_VALUE;
    *status = !isCapturing(stream)           ? CU_STREAM_CAPTURE_STATUS_NONE
              : stream->capture->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                             : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
  });
}
