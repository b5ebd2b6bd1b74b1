// A linear and what joins its kernel.
// RUN: qcc-opt %s -qcc-schedule-kernels -split-input-file | FileCheck %s

// The bias is added in f32 before the one rounding that the graph has.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<16x64xbf16> from "f" tensor "p"
graph.parameter @pb : tensor<16xbf16> from "f" tensor "pb"
graph.derived @w : tensor<16x64xbf16> {
  %t = graph.get @p : tensor<16x64xbf16>
  graph.yield %t : tensor<16x64xbf16>
}
graph.derived @b : tensor<16xbf16> {
  %t = graph.get @pb : tensor<16xbf16>
  graph.yield %t : tensor<16xbf16>
}
// CHECK: graph.derived @q.packed : tensor<8192xi8>
// CHECK-NEXT: %[[W:.*]] = graph.get @w
// CHECK-NEXT: graph.pack %[[W]] as
// CHECK-LABEL: func.func @forward
// CHECK-DAG: %[[B:.*]] = graph.get @b
// CHECK-DAG: %[[P:.*]] = graph.get @q.packed
// CHECK: kernel.gemm bf16 rows T weights(%[[P]]) x(%{{.*}}) extras(%[[B]]) {label = "q"}
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: bf16):
// CHECK-NEXT: %[[E:.*]] = arith.extf %[[BIAS]]
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[ACC]], %[[E]] : f32
// CHECK-NEXT: %[[R:.*]] = arith.truncf %[[S]] : f32 to bf16
// CHECK-NEXT: kernel.yield %[[R]]
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x16xbf16> {
  %w = graph.get @w : tensor<16x64xbf16>
  %b = graph.get @b : tensor<16xbf16>
  %y = graph.linear %x, %w bias %b {name = "q"} : (tensor<?x64xbf16>, tensor<16x64xbf16>, tensor<16xbf16>) -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}
}

// -----

// The residual is added after the product was rounded, and the sum is rounded again: two roundings, as in the graph.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  graph.yield %t : tensor<64x64xbf16>
}
// CHECK-LABEL: func.func @forward
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x64xbf16>, %[[H:[a-z0-9]+]]: tensor<?x64xbf16>)
// CHECK: %[[Y:.*]] = kernel.gemm bf16 rows T weights(%{{.*}}) x(%[[X]]) extras(%[[H]])
// CHECK-NEXT: ^bb0(%[[ACC:.*]]: f32, %[[OTHER:.*]]: bf16):
// CHECK-NEXT: %[[Y0:.*]] = arith.truncf %[[ACC]] : f32 to bf16
// CHECK-DAG: %[[A:.*]] = arith.extf %[[Y0]]
// CHECK-DAG: %[[B:.*]] = arith.extf %[[OTHER]]
// CHECK: %[[S:.*]] = arith.addf %[[A]], %[[B]] : f32
// CHECK-NEXT: %[[R:.*]] = arith.truncf %[[S]] : f32 to bf16
// CHECK-NEXT: kernel.yield %[[R]]
// CHECK: return %[[Y]]
func.func @forward(%x: tensor<?x64xbf16>, %h: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %w = graph.get @w : tensor<64x64xbf16>
  %y = graph.linear %x, %w {name = "o"} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %s = graph.add %h, %y : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %s : tensor<?x64xbf16>
}
}

// -----

// A product that is read twice stays a value of its own; so does one added to itself.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  graph.yield %t : tensor<64x64xbf16>
}
// CHECK-LABEL: func.func @forward
// CHECK: %[[Y:.*]] = kernel.gemm bf16 rows T weights(%{{.*}}) x(%{{[^)]*}}) {label
// CHECK: %[[S:.*]] = kernel.pointwise(%[[Y]]) at [0]
// CHECK-NEXT: ^bb0(%[[A:.*]]: bf16):
// CHECK: return %[[S]]
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %w = graph.get @w : tensor<64x64xbf16>
  %y = graph.linear %x, %w {name = "o"} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %s = graph.add %y, %y : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %s : tensor<?x64xbf16>
}
}

// -----

// A sum of two products: the first takes the second as its residual, and the second stays whole.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<64x64xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  graph.yield %t : tensor<64x64xbf16>
}
// CHECK-LABEL: func.func @forward
// CHECK: %[[B:.*]] = kernel.gemm {{.*}} {label = "b"}
// CHECK: %[[S:.*]] = kernel.gemm {{.*}} extras(%[[B]]) {label = "a"}
// CHECK: return %[[S]]
func.func @forward(%x: tensor<?x64xbf16>, %z: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %w = graph.get @w : tensor<64x64xbf16>
  %a = graph.linear %x, %w {name = "a"} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %b = graph.linear %z, %w {name = "b"} : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %s = graph.add %a, %b : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %s : tensor<?x64xbf16>
}
}

// -----

// Linears without names have different weights all the same; two linears of one weight share its packed form.
module attributes {graph.model = {name = "m", architecture = "llama", vocabulary = 32 : i64, max_context = 64 : i64, byte_vocabulary = false, eos_tokens = array<i64>}} {
graph.parameter @p : tensor<64x64xbf16> from "f" tensor "p"
graph.derived @w0 : tensor<64x64xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  graph.yield %t : tensor<64x64xbf16>
}
graph.derived @w1 : tensor<64x64xbf16> {
  %t = graph.get @p : tensor<64x64xbf16>
  %n = graph.neg %t : tensor<64x64xbf16> -> tensor<64x64xbf16>
  graph.yield %n : tensor<64x64xbf16>
}
// CHECK: graph.derived @[[P0:linear.packed]] :
// CHECK-NEXT: graph.get @w0
// CHECK: graph.derived @[[P1:linear.packed_[0-9]+]] :
// CHECK-NEXT: graph.get @w1
// CHECK-NOT: graph.derived
// CHECK-LABEL: func.func @forward
// CHECK: graph.get @[[P0]] :
// CHECK: graph.get @[[P1]] :
// CHECK: graph.get @[[P0]] :
func.func @forward(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %w0 = graph.get @w0 : tensor<64x64xbf16>
  %w1 = graph.get @w1 : tensor<64x64xbf16>
  %a = graph.linear %x, %w0 : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %b = graph.linear %a, %w1 : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  %c = graph.linear %b, %w0 : (tensor<?x64xbf16>, tensor<64x64xbf16>) -> tensor<?x64xbf16>
  return %c : tensor<?x64xbf16>
}
}
