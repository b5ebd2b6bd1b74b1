//===- CApi.cpp - qccrt.h over the C++ classes ----------------------------===//

#include "Context.h"
#include "EngineReader.h"
#include "qccrt/qccrt.h"

#include <cstring>
#include <new>

using namespace qccrt;

struct qccrt_engine {
  explicit qccrt_engine(const char *path) : reader(path) {}
  EngineReader reader;
};

struct qccrt_context {
  qccrt_context(const qccrt_engine &engine, const qccrt_context_options &options) : context(engine.reader, options) {}
  Context context;
};

namespace {

qccrt_status report(qccrt_error *error, qccrt_status status, const char *message) {
  if (error) {
    error->status = status;
    std::strncpy(error->message, message, sizeof(error->message) - 1);
    error->message[sizeof(error->message) - 1] = 0;
  }
  return status;
}

/// Runs the body; whatever it throws becomes a status.
template <typename Body> qccrt_status guarded(qccrt_error *error, Body body) {
  try {
    body();
    return report(error, QCCRT_OK, "");
  } catch (const Failure &failure) {
    return report(error, failure.status, failure.message.c_str());
  } catch (const std::bad_alloc &) {
    return report(error, QCCRT_OUT_OF_MEMORY, "not enough host memory");
  } catch (const std::exception &exception) {
    return report(error, QCCRT_INTERNAL, exception.what());
  }
}

} // namespace

const char *qccrt_status_name(qccrt_status status) {
  static const char *const names[] = {
      "ok",       "invalid argument", "input/output error", "damaged",      "unsupported", "no driver",     "no device",
      "mismatch", "out of memory",    "no pages",           "driver error", "device lost", "internal error"};
  return size_t(status) < std::size(names) ? names[status] : "unknown status";
}

qccrt_status qccrt_engine_open(const char *path, qccrt_engine **engine, qccrt_error *error) {
  return guarded(error, [&] {
    if (!path || !engine)
      fail(QCCRT_INVALID_ARGUMENT, "path and engine must not be NULL");
    *engine = nullptr;
    *engine = new qccrt_engine(path);
  });
}

qccrt_status qccrt_engine_verify(const qccrt_engine *engine, qccrt_error *error) {
  return guarded(error, [&] { engine->reader.verifyWeights(); });
}

void qccrt_engine_close(qccrt_engine *engine) { delete engine; }

void qccrt_engine_info(const qccrt_engine *engine, qccrt_model_info *info) {
  const plan::Plan &plan = engine->reader.plan();
  const plan::Model &model = *plan.model();
  *info = {};
  info->name = model.name()->c_str();
  info->architecture = model.architecture()->c_str();
  info->vocabulary = model.vocabulary();
  info->byte_vocabulary = model.byte_vocabulary();
  info->max_context = model.max_context();
  info->max_tokens = model.max_tokens();
  info->max_sequences = model.max_sequences();
  info->max_logit_rows = model.max_logit_rows();
  info->page_size = model.page_size();
  info->kv_bytes_per_token = layerPageBytes(model) * 2 * model.layers() / model.page_size();
  info->weight_bytes = engine->reader.weightBytes();
  info->arena_bytes = plan.arena_bytes();
  info->eos_tokens = model.eos_tokens()->data();
  info->eos_count = model.eos_tokens()->size();
}

qccrt_status qccrt_context_create(const qccrt_engine *engine, const qccrt_context_options *options,
                                  qccrt_context **context, qccrt_error *error) {
  return guarded(error, [&] {
    if (!engine || !context)
      fail(QCCRT_INVALID_ARGUMENT, "engine and context must not be NULL");
    *context = nullptr;
    *context = new qccrt_context(*engine, options ? *options : qccrt_context_options{});
  });
}

void qccrt_context_destroy(qccrt_context *context) { delete context; }

void qccrt_context_get_info(const qccrt_context *context, qccrt_context_info *info) { context->context.info(*info); }

qccrt_status qccrt_sequence_create(qccrt_context *context, qccrt_sequence *sequence, qccrt_error *error) {
  return guarded(error, [&] { *sequence = context->context.sequences().create(); });
}

qccrt_status qccrt_sequence_destroy(qccrt_context *context, qccrt_sequence sequence, qccrt_error *error) {
  return guarded(error, [&] { context->context.sequences().destroy(sequence); });
}

qccrt_status qccrt_sequence_length(const qccrt_context *context, qccrt_sequence sequence, uint32_t *length,
                                   qccrt_error *error) {
  return guarded(error, [&] { *length = context->context.sequences().find(sequence).length; });
}

qccrt_status qccrt_step(qccrt_context *context, const qccrt_input *inputs, uint32_t count, uint32_t flags,
                        qccrt_output *output, qccrt_error *error) {
  return guarded(error, [&] {
    if (!output || (!inputs && count))
      fail(QCCRT_INVALID_ARGUMENT, "inputs and output must not be NULL");
    *output = {};
    context->context.step({inputs, count}, flags, *output);
  });
}
