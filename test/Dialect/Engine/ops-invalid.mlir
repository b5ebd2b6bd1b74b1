// One case per constraint of docs/spec.md, named by its label.
// RUN: qcc-opt %s -verify-diagnostics -split-input-file

// expected-error @below {{unknown run-time size 'X'; must be one of T, B, R, Q, C, P or empty}}
module @dim_c1 attributes {d = #engine.dim<"X", 1, 1>} {}

// -----

// expected-error @below {{multiplier 1 and divisor 0 must be positive}}
module @dim_c2 attributes {d = #engine.dim<"T", 1, 0>} {}

// -----

// expected-error @below {{unknown run-time size ''; must be one of T, B, R, Q, C, P}}
module @size_c1 attributes {s = #engine.size<"">} {}

// -----

// expected-error @below {{cache part 'q' must be "k" or "v"}}
module @cache_c1 attributes {c = #engine.cache<"q", 0>} {}

// -----

// expected-error @below {{cache layer -1 must not be negative}}
module @cache_c2 attributes {c = #engine.cache<"k", -1>} {}

// -----

// expected-error @below {{max_context is 0, must be positive}}
engine.model "model_c1" architecture "llama" {vocabulary = 64 : i64, byte_vocabulary = false, max_context = 0 : i64, max_tokens = 32 : i64, max_sequences = 4 : i64,
                                              max_logit_rows = 8 : i64, arena_bytes = 1024 : i64, eos_tokens = array<i64>, options = ""}

// -----

// expected-error @below {{max_logit_rows 33 exceeds max_tokens 32}}
engine.model "model_c2" architecture "llama" {vocabulary = 64 : i64, byte_vocabulary = false, max_context = 64 : i64, max_tokens = 32 : i64, max_sequences = 4 : i64,
                                              max_logit_rows = 33 : i64, arena_bytes = 1024 : i64, eos_tokens = array<i64>, options = ""}

// -----

// expected-error @below {{arena of 1024 bytes ends before buffer 'b0'}}
engine.model "model_c3" architecture "llama" {vocabulary = 64 : i64, byte_vocabulary = false, max_context = 64 : i64, max_tokens = 32 : i64, max_sequences = 4 : i64,
                                              max_logit_rows = 8 : i64, arena_bytes = 1024 : i64, eos_tokens = array<i64>, options = ""}
// expected-note @below {{buffer ends at 1280}}
engine.buffer @b0 offset 768 bytes 512

// -----

// expected-error @below {{source @missing is not a graph.derived}}
engine.constant @constant_c1 from @missing result 0 : tensor<8xi8> bytes 8 {layer = "", scheme = "", layout = ""}

// -----

// expected-error @below {{must have either a source with a result number or a value}}
engine.constant @constant_c1_neither : tensor<8xi8> bytes 8 {layer = "", scheme = "", layout = ""}

// -----

// expected-error @below {{bytes 0 must be positive}}
engine.constant @constant_c2 value dense<1> : tensor<8xi8> : tensor<8xi8> bytes 0 {layer = "", scheme = "", layout = ""}

// -----

// expected-error @below {{offset 100 must be a multiple of 256 and not negative}}
engine.buffer @buffer_c1 offset 100 bytes 512

// -----

// expected-error @below {{bytes 0 must be positive}}
engine.buffer @buffer_c2 offset 0 bytes 0

// -----

// expected-error @below {{block must have three positive extents with at most 1024 threads}}
engine.kernel @kernel_c1 family "gemm" block [1024, 2, 1] shared 0 min_target 80 config {} source ""

// -----

// expected-error @below {{shared memory of 232449 bytes is outside [0, 232448]}}
engine.kernel @kernel_c2 family "gemm" block [32, 1, 1] shared 232449 min_target 80 config {} source ""

// -----

// expected-error @below {{must hold engine.launch and engine.choice only}}
engine.entry @entry_c1 inputs [] outputs [] {
  engine.buffer @b0 offset 0 bytes 8
}

// -----

engine.kernel @k family "gemm" block [32, 1, 1] shared 0 min_target 80 config {} source ""
engine.entry @launch_c1 inputs [] outputs [] {
  // expected-error @below {{grid must be three #engine.dim}}
  engine.launch @k grid [#engine.dim<"T", 1, 8>] args []
}

// -----

engine.kernel @k family "gemm" block [32, 1, 1] shared 0 min_target 80 config {} source ""
engine.entry @launch_c2 inputs [] outputs [] {
  // expected-error @below {{argument 3 : i64 must be #engine.const, buffer, input, output, cache or size}}
  engine.launch @k grid [#engine.dim<"T", 1, 8>, #engine.dim<"", 1, 1>, #engine.dim<"", 1, 1>] args [3]
}

// -----

engine.kernel @k family "gemm" block [32, 1, 1] shared 0 min_target 80 config {} source ""
engine.entry @launch_c3 inputs [] outputs [] {
  // expected-error @below {{no engine.buffer @missing}}
  engine.launch @k grid [#engine.dim<"T", 1, 8>, #engine.dim<"", 1, 1>, #engine.dim<"", 1, 1>] args [#engine.buffer<@missing>]
}

// -----

engine.entry @launch_c3_kernel inputs [] outputs [] {
  // expected-error @below {{no engine.kernel @missing}}
  engine.launch @missing grid [#engine.dim<"T", 1, 8>, #engine.dim<"", 1, 1>, #engine.dim<"", 1, 1>] args []
}

// -----

engine.kernel @k family "gemm" block [32, 1, 1] shared 0 min_target 80 config {} source ""
engine.entry @launch_c4 inputs ["tokens"] outputs [] {
  // expected-error @below {{the entry has no input 'slots'}}
  engine.launch @k grid [#engine.dim<"T", 1, 8>, #engine.dim<"", 1, 1>, #engine.dim<"", 1, 1>] args [#engine.input<"slots">]
}

// -----

engine.entry @choice_c1 inputs [] outputs [] {
  // expected-error @below {{must hold engine.case ops, at least one, and nothing else}}
  engine.choice {
  }
}

// -----

engine.entry @choice_c2 inputs [] outputs [] {
  // expected-error @below {{the last case, and no other, must be without bounds}}
  engine.choice {
    engine.case {Q = 1} {
    }
  }
}

// -----

engine.entry @case_c1 inputs [] outputs [] {
  engine.choice {
    // expected-error @below {{bound 'Q' must be one of T, B, R, Q, C, P with a positive integer}}
    engine.case {Q = 0} {
    }
    engine.case {} {
    }
  }
}

// -----

// expected-error @below {{bytes 12 must be 8, the size of 'tensor<2xf32>'}}
engine.constant @constant_c3 value dense<1.0> : tensor<2xf32> : tensor<2xf32> bytes 12 {layer = "", scheme = "", layout = ""}

// -----

// expected-error @below {{value must be dense f32 of the type 'tensor<8xi8>'}}
engine.constant @constant_c3_type value dense<1> : tensor<8xi8> : tensor<8xi8> bytes 8 {layer = "", scheme = "", layout = ""}
