// What is illegal after the engine phase.
// RUN: not qcc-opt %s -qcc-verify-engine -split-input-file 2>&1 | FileCheck %s

// A module without a model and an entry is no engine, and a function must have been lowered.
// CHECK: error: illegal after the engine phase: must hold exactly one engine.model and one engine.entry
// CHECK: [[#@LINE+1]]:1: error: illegal after the engine phase: a function is left
func.func @forward() {
  return
}

// -----

// Two entries: the runtime would not know which one is a step.
// CHECK: error: illegal after the engine phase: must hold exactly one engine.model and one engine.entry
// CHECK-NOT: a function is left
engine.model "m" architecture "llama" {vocabulary = 64 : i64, byte_vocabulary = false, max_context = 128 : i64, max_tokens = 32 : i64, max_sequences = 4 : i64,
                                       max_logit_rows = 8 : i64, arena_bytes = 1024 : i64, eos_tokens = array<i64: 2>, options = ""}
engine.entry @forward inputs ["tokens"] outputs ["logits"] {
}
engine.entry @other inputs ["tokens"] outputs ["logits"] {
}
