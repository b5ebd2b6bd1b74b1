// RUN: qcc-opt %s -qcc-observe | FileCheck %s
// RUN: qcc-opt %s -qcc-observe="kinds=absmax,histogram" | FileCheck %s --check-prefix=KINDS
// RUN: qcc-opt %s -qcc-observe --verify-roundtrip -o /dev/null
// RUN: not qcc-opt %s -qcc-observe="kinds=median" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qcc-opt %s -qcc-observe="kinds=absmax,absmax" 2>&1 | FileCheck %s --check-prefix=TWICE

// UNKNOWN: error: unknown statistic 'median'; must be absmax, mean_abs, mean_square or histogram
// TWICE: error: statistic 'absmax' is named twice

graph.parameter @k : tensor<8x8xf32> from "model.safetensors" tensor "k"
graph.parameter @v : tensor<8x8xf32> from "model.safetensors" tensor "v"
graph.kv_cache @kv layers 1 kv_heads 2 head_dim 4 page_size 64 : f32

// A value that several linears read is observed once, under the first one's name.
// CHECK-LABEL: func.func @forward
// CHECK: graph.observe %arg0 {kinds = ["absmax", "mean_abs", "mean_square", "histogram"], name = "k_proj.input"} : tensor<?x8xf32>
// CHECK-NEXT: graph.linear
// CHECK-NOT: v_proj.input
// CHECK: graph.observe %{{.*}} {kinds = ["absmax"], name = "kv.layers.0.k"} : tensor<?x2x4xf32>
// CHECK-NEXT: graph.observe %{{.*}} {kinds = ["absmax"], name = "kv.layers.0.v"} : tensor<?x2x4xf32>
// CHECK-NEXT: graph.kv_append
// KINDS: kinds = ["absmax", "histogram"], name = "k_proj.input"
func.func @forward(%x: tensor<?x8xf32>, %slots: tensor<?xi32>) -> tensor<?x8xf32> {
  %wk = graph.get @k : tensor<8x8xf32>
  %k = graph.linear %x, %wk {name = "k_proj"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %wv = graph.get @v : tensor<8x8xf32>
  %v = graph.linear %x, %wv {name = "v_proj"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %kh = graph.reshape %k : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %vh = graph.reshape %v : tensor<?x8xf32> -> tensor<?x2x4xf32>
  graph.kv_append @kv layer 0 k %kh v %vh slots %slots : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?xi32>
  return %v : tensor<?x8xf32>
}
