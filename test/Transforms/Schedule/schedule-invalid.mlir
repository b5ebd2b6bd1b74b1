// What the schedule phase refuses, and what is illegal after it.
// RUN: not qcc-opt %s -qcc-schedule-kernels 2>&1 | FileCheck %s --check-prefix=MODEL
// RUN: not qcc-opt %s -qcc-choose-variants 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not qcc-opt %s -qcc-verify-schedule 2>&1 | FileCheck %s --check-prefix=VERIFY

// MODEL: error: has no graph.model attribute
// TARGET: error: no target given; pass targets=90, for example
graph.parameter @w : tensor<16x64xbf16> from "model.safetensors" tensor "w"
func.func @forward(%x: tensor<?x16xf32>) {
  // VERIFY: [[#@LINE+1]]:8: error: illegal after the schedule phase: kernels read derivations, not parameters
  %w = graph.get @w : tensor<16x64xbf16>
  // VERIFY: [[#@LINE+1]]:8: error: illegal after the schedule phase: expected to have become a kernel
  %0 = graph.neg %x : tensor<?x16xf32> -> tensor<?x16xf32>
  // VERIFY: [[#@LINE+1]]:8: error: illegal after the schedule phase: a kernel op without variants
  %1 = kernel.argmax %x rows R : (tensor<?x16xf32>) -> tensor<?xi32>
  // VERIFY: [[#@LINE+1]]:8: error: illegal after the schedule phase: the last variant, and no other, must be without bounds
  %2 = kernel.argmax %x rows R {variants = [#kernel.variant<{R = 8}, {WARPS = 1}>]} : (tensor<?x16xf32>) -> tensor<?xi32>
  return
}
