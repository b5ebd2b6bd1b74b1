// What the engine phase refuses.
// RUN: not qcc-opt %s -qcc-lower-to-engine -split-input-file 2>&1 | FileCheck %s

// CHECK: error: has no function 'forward'
module {
}

// -----

// CHECK: error: has no graph.model attribute
module {
func.func @forward() {
  return
}
}

// -----

// The runtime binds seven inputs and two outputs by position.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK: [[#@LINE+1]]:1: error: 'forward' has 1 arguments and 0 results, must have 7 and 2
func.func @forward(%x: tensor<?xi32>) {
  return
}
}

// -----

// An output that no kernel writes would stay undefined.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
// CHECK: [[#@LINE+1]]:1: error: 'forward' must return results of kernels, each once
func.func @forward(%t: tensor<?xi32>, %p: tensor<?xi32>, %s: tensor<?xi32>, %b: tensor<?xi32>, %l: tensor<?xi32>, %bt: tensor<?x?xi32>, %r: tensor<?xi32>) -> (tensor<?xi32>, tensor<?xi32>) {
  return %t, %p : tensor<?xi32>, tensor<?xi32>
}
}
