/*===- qccrt.h - Run engine files -----------------------------------*- C -*-===
 *
 * An engine is a file, verified and immutable; any number of threads may use one. A context is an engine loaded on one
 * device, with its K/V memory; one thread at a time may use it. Sequences live in a context; every step appends tokens
 * to any of them, so that prompts and single generated tokens may share a step.
 *
 *   qccrt_engine_open → qccrt_context_create → qccrt_sequence_create → qccrt_step … → destroy in reverse
 *
 * Every function that can fail takes a qccrt_error, which may be NULL, and returns its status. There is no global
 * state. A pointer that is returned belongs to the object it came from.
 */
#ifndef QCCRT_QCCRT_H
#define QCCRT_QCCRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QCCRT_API __attribute__((visibility("default")))

typedef enum qccrt_status {
  QCCRT_OK = 0,
  QCCRT_INVALID_ARGUMENT = 1, /* the request cannot be served; nothing was changed */
  QCCRT_IO = 2,               /* the file cannot be read */
  QCCRT_DAMAGED = 3,          /* not an engine, or not the bytes that were written */
  QCCRT_UNSUPPORTED = 4,      /* an engine of another major version */
  QCCRT_NO_DRIVER = 5,        /* no CUDA driver library, or one that lacks a function */
  QCCRT_NO_DEVICE = 6,        /* the driver sees no such GPU */
  QCCRT_MISMATCH = 7,         /* no kernel in the engine runs on this GPU */
  QCCRT_OUT_OF_MEMORY = 8,    /* of host or device; the message of the latter has the budget */
  QCCRT_NO_PAGES = 9,         /* the K/V memory is full; nothing was changed: end a sequence, or wait */
  QCCRT_DRIVER = 10,          /* the driver refused a call while loading */
  QCCRT_LOST = 11,            /* a step failed on the device: the context is of no more use, end the process */
  QCCRT_INTERNAL = 12         /* an error in qccrt */
} qccrt_status;

typedef struct qccrt_error {
  qccrt_status status;
  char message[3072]; /* UTF-8, possibly several lines; empty on success */
} qccrt_error;

typedef struct qccrt_engine qccrt_engine;
typedef struct qccrt_context qccrt_context;

/* "damaged", "out of memory", … */
QCCRT_API const char *qccrt_status_name(qccrt_status status);

/*--- Engines. Thread safe. -----------------------------------------------------------------------------------------*/

/* Checks header, section table, plan and kernels, with their hashes. The hashes of the weights are checked while they
 * are loaded by qccrt_context_create, before any use, or by qccrt_engine_verify. Executing an engine runs its code:
 * open only what comes from where you trust. */
QCCRT_API qccrt_status qccrt_engine_open(const char *path, qccrt_engine **engine, qccrt_error *error);
/* Reads the whole file and checks everything. */
QCCRT_API qccrt_status qccrt_engine_verify(const qccrt_engine *engine, qccrt_error *error);
QCCRT_API void qccrt_engine_close(qccrt_engine *engine); /* NULL is ignored; contexts must be gone */

typedef struct qccrt_model_info {
  const char *name, *architecture;
  uint32_t vocabulary;
  uint32_t byte_vocabulary; /* 1: token i is byte i */
  uint32_t max_context;     /* tokens of one sequence */
  uint32_t max_tokens;      /* of one step, all sequences together */
  uint32_t max_sequences;   /* of one step */
  uint32_t max_logit_rows;  /* of one step */
  uint32_t page_size;       /* K/V memory is given out in pages of so many tokens */
  uint64_t kv_bytes_per_token, weight_bytes, arena_bytes;
  const int32_t *eos_tokens;
  uint32_t eos_count;
} qccrt_model_info;

QCCRT_API void qccrt_engine_info(const qccrt_engine *engine, qccrt_model_info *info);

/*--- Contexts. One thread at a time. --------------------------------------------------------------------------------*/

enum {
  QCCRT_HOST_LOGITS = 1,          /* steps may copy logits to the host: reserves page-locked memory for them */
  QCCRT_SEPARATE_ALLOCATIONS = 2, /* each constant and cache layer in an allocation of its own, so that a checking
                                     driver sees accesses out of bounds; costs some memory */
  QCCRT_SYNCHRONOUS = 4           /* wait after each kernel, so that an error names the kernel; slow */
};

typedef struct qccrt_context_options {
  const char *driver; /* path of the driver library; NULL: $QCC_LIBCUDA, else libcuda.so.1 */
  int32_t device;     /* ordinal */
  uint32_t flags;
  uint64_t kv_tokens; /* tokens that all sequences together may hold; 0: what max_sequences of max_context need, or
                         what fits in memory, at least one sequence of max_context */
} qccrt_context_options;

/* Zeroed options are the default; NULL too. */
QCCRT_API qccrt_status qccrt_context_create(const qccrt_engine *engine, const qccrt_context_options *options,
                                            qccrt_context **context, qccrt_error *error);
QCCRT_API void qccrt_context_destroy(qccrt_context *context); /* NULL is ignored; sequences go with it */

typedef struct qccrt_context_info {
  char device_name[128];
  uint32_t capability;                 /* 90 for 9.0 */
  uint32_t driver_version;             /* 13000 for 13.0 */
  uint32_t cubin_kernels, ptx_kernels; /* loaded as machine code, and compiled by the driver */
  uint64_t weight_bytes, arena_bytes, io_bytes, kv_bytes;
  uint64_t kv_tokens, kv_tokens_free;
} qccrt_context_info;

QCCRT_API void qccrt_context_get_info(const qccrt_context *context, qccrt_context_info *info);

/*--- Sequences ------------------------------------------------------------------------------------------------------*/

/* Never 0, and never the number of an earlier sequence of the context. */
typedef uint64_t qccrt_sequence;

/* An empty sequence. Fails with INVALID_ARGUMENT when as many live as K/V pages exist. */
QCCRT_API qccrt_status qccrt_sequence_create(qccrt_context *context, qccrt_sequence *sequence, qccrt_error *error);
/* Gives its pages back. */
QCCRT_API qccrt_status qccrt_sequence_destroy(qccrt_context *context, qccrt_sequence sequence, qccrt_error *error);
/* Tokens it holds. */
QCCRT_API qccrt_status qccrt_sequence_length(const qccrt_context *context, qccrt_sequence sequence, uint32_t *length,
                                             qccrt_error *error);

/*--- Steps ----------------------------------------------------------------------------------------------------------*/

typedef struct qccrt_input {
  qccrt_sequence sequence; /* at most once in a step */
  const int32_t *tokens;   /* appended to it */
  uint32_t count;          /* at least 1 */
  uint32_t logit_rows;     /* of the last so many tokens the prediction is wanted; 0 to count */
} qccrt_input;

typedef struct qccrt_output {
  uint32_t rows;              /* the sum of logit_rows, in the order of the inputs */
  const int32_t *next_tokens; /* [rows]: the most likely token, the smallest among equals */
  const float *logits;        /* [rows][logits_stride], of which vocabulary are meant; NULL where not asked for */
  uint32_t logits_stride;
} qccrt_output;

enum { QCCRT_COPY_LOGITS = 1 }; /* needs QCCRT_HOST_LOGITS */

/* Runs the model on new tokens of up to max_sequences sequences and waits for the result, which is valid until the
 * next step. Everything is checked before anything is changed: token ids against the vocabulary, lengths against
 * max_context, counts against the engine's bounds, pages against the memory. Allocates nothing. A failure with LOST
 * leaves the context unusable: every later step returns the same. */
QCCRT_API qccrt_status qccrt_step(qccrt_context *context, const qccrt_input *inputs, uint32_t count, uint32_t flags,
                                  qccrt_output *output, qccrt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* QCCRT_QCCRT_H */
