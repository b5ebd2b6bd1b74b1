// Each user error of the pass names what is wrong and what would be right.
// RUN: not qcc-opt %s -qcc-quantize-weights="preset=w4a16 group-size=96" 2>&1 | FileCheck %s --check-prefix=GROUP
// RUN: not qcc-opt %s -qcc-quantize-weights="preset=fp8 exclude=re:layers.*,re:.*up_proj" 2>&1 | FileCheck %s --check-prefix=UNUSED
// RUN: not qcc-opt %s -qcc-quantize-weights="preset=none exclude=gat" 2>&1 | FileCheck %s --check-prefix=PARTIAL
// RUN: not qcc-opt %s -qcc-quantize-weights="preset=fp8 exclude=re:(" 2>&1 | FileCheck %s --check-prefix=REGEX
// RUN: not qcc-opt %s -qcc-quantize-weights="preset=fp8" 2>&1 | FileCheck %s --check-prefix=ORDER

// GROUP: error: group size 96 must be 32, 64 or 128, or 0 for a scale per channel
// UNUSED: error: exclude pattern 're:.*up_proj' matches no linear layer
// A name without re: must be exact.
// PARTIAL: error: exclude pattern 'gat' matches no linear layer
// REGEX: error: pattern 're:(' is not a regular expression
// ORDER: error: weight must be read from a derivation; run qcc-lower-precision first

graph.parameter @gate : tensor<8x72xf32> from "model.safetensors" tensor "gate"
func.func @forward(%x: tensor<?x72xf32>) -> tensor<?x8xf32> {
  %gate = graph.get @gate : tensor<8x72xf32>
  %0 = graph.linear %x, %gate {name = "layers.0.gate"} : (tensor<?x72xf32>, tensor<8x72xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
