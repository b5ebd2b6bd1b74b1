// Schemes, rotary embeddings, layouts and the ops that use them: one case per constraint of docs/spec.md.
// RUN: qcc-opt %s -verify-diagnostics -split-input-file

// expected-error @below {{storage type 'f32' must be i2, i3, i4, i8, f8E4M3FN, f8E5M2 or f4E2M1FN}}
module @scheme_c1 attributes {s = #graph.scheme<f32, tensor, scale = f32>} {}

// -----

// expected-error @below {{scale type 'i8' must be f32, bf16, f16, f8E4M3FN or f8E8M0FNU}}
module @scheme_c2 attributes {s = #graph.scheme<i8, tensor, scale = i8>} {}

// -----

// expected-error @below {{group size 0 must be positive}}
module @scheme_c3 attributes {s = #graph.scheme<i4, group = 0, scale = bf16>} {}

// -----

// expected-error @below {{block [0, 128] must have positive extents}}
module @scheme_c3 attributes {s = #graph.scheme<f8E4M3FN, block = [0, 128], scale = f32>} {}

// -----

// expected-error @below {{must not have a zero point; only integers may}}
module @scheme_c4 attributes {s = #graph.scheme<f8E4M3FN, channel, scale = f32, zero_point = i8>} {}

// -----

// expected-error @below {{zero point type 'i8' must be the storage type 'i4'}}
module @scheme_c4 attributes {s = #graph.scheme<i4, channel, scale = f32, zero_point = i8>} {}

// -----

// expected-error @below {{a dynamic scheme must not have a zero point}}
module @scheme_c5 attributes {s = #graph.scheme<i8, token, scale = f32, zero_point = i8, dynamic>} {}

// -----

// expected-error @below {{a dynamic scheme must be per tensor, token or group, is per channel}}
module @scheme_c5 attributes {s = #graph.scheme<f8E4M3FN, channel, scale = f32, dynamic>} {}

// -----

// expected-error @below {{a scheme must state its scale type: scale = TYPE}}
module @scheme_without_scale attributes {s = #graph.scheme<f8E4M3FN, channel>} {}

// -----

// expected-error @below {{unknown field 'zero'; must be scale, zero_point, second or dynamic}}
module @scheme_unknown_field attributes {s = #graph.scheme<i4, channel, zero = i8>} {}

// -----

// expected-error @below {{rope dim 63 must be even and positive}}
module @rope_attr_c1 attributes {r = #graph.rope<default, dim = 63, theta = 1.0e+04>} {}

// -----

// expected-error @below {{rope high_freq_factor 1.000000 must be finite and greater than 2.000000}}
module @rope_attr_c1 attributes {r = #graph.rope<llama3, dim = 64, theta = 1.0e+04, factor = 8.0, low_freq_factor = 2.0, high_freq_factor = 1.0, original = 8192.0>} {}

// -----

// expected-error @below {{unknown rotary embedding 'dynamic'; must be default, linear, llama3 or yarn}}
module @rope_unknown_kind attributes {r = #graph.rope<dynamic, dim = 64, theta = 1.0e+04>} {}

// -----

// expected-error @below {{a format must be given exactly for the layouts 'fragment' and 'metadata24'}}
module @layout_c1 attributes {l = #graph.layout<fragment>} {}

// -----

// expected-error @below {{a format must be given exactly for the layouts 'fragment' and 'metadata24'}}
module @layout_c1 attributes {l = #graph.layout<zeros_group, s4>} {}

// -----

// expected-error @below {{the format of 'metadata24' must be bf16_24, e4m3_24 or s8_24, is s8}}
module @layout_c2 attributes {l = #graph.layout<metadata24, s8>} {}

// -----

// expected-error @below {{unknown layout 'scales'; must be fragment, scales_channel, scales_group, scales_block, zeros_group or metadata24}}
module @layout_unknown_kind attributes {l = #graph.layout<scales>} {}

// -----

// expected-error @below {{unknown fragment format 's2'; must be bf16, e4m3, s4, s8, s8_bf16, s4_e4m3, bf16_24, e4m3_24 or s8_24}}
module @layout_unknown_format attributes {l = #graph.layout<fragment, s2>} {}

// -----

func.func @quantize_c1(%x: tensor<?x2x4xf32>) {
  // expected-error @below {{must have rank 2 for a scheme per token}}
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x2x4xf32>) -> (tensor<?x2x4xf8E4M3FN>, tensor<?xf32>)
  return
}

// -----

func.func @quantize_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have the scheme's storage type 'f8E4M3FN'}}
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  return
}

// -----

func.func @quantize_c3(%x: tensor<?x4xf32>) {
  // expected-error @below {{scales 'tensor<4xf32>' must be 'tensor<?xf32>'}}
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x4xf32>) -> (tensor<?x4xf8E4M3FN>, tensor<4xf32>)
  return
}

// -----

func.func @quantize_c4(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have a scale operand, or a result of scales, and not both}}
  %c = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x4xf32>) -> tensor<?x4xf8E4M3FN>
  return
}

// -----

func.func @quantize_c5(%x: tensor<?x4xf32>) {
  // expected-error @below {{computes scales outside a derivation, the scheme must be dynamic}}
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32> : (tensor<?x4xf32>) -> (tensor<?x4xf8E4M3FN>, tensor<?xf32>)
  return
}

// -----

func.func @quantize_c6(%x: tensor<?x4xf32>, %s: tensor<f32>) {
  // expected-error @below {{must have no second-level scale, and no zero point where the scale is given}}
  %c = graph.quantize %x scale %s to <i8, tensor, scale = f32, zero_point = i8> : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xi8>
  return
}

// -----

func.func @quantize_c6(%x: tensor<?x4xf32>, %s: tensor<f32>) {
  // expected-error @below {{must have no second-level scale, and no zero point where the scale is given}}
  %c = graph.quantize %x scale %s to <i8, tensor, scale = f32, second = f32> : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xi8>
  return
}

// -----

// Zero points are a result of their own.
graph.parameter @w : tensor<8x64xf32> from "model.safetensors" tensor "w"
graph.derived @quantize_c4 : tensor<8x64xi4>, tensor<8xbf16> {
  %w = graph.get @w : tensor<8x64xf32>
  // expected-error @below {{must have a scale operand, or a result of scales and one of zero points, and not both}}
  %c, %s = graph.quantize %w to <i4, channel, scale = bf16, zero_point = i4> : (tensor<8x64xf32>) -> (tensor<8x64xi4>, tensor<8xbf16>)
  graph.yield %c, %s : tensor<8x64xi4>, tensor<8xbf16>
}

// -----

graph.parameter @w : tensor<8x64xf32> from "model.safetensors" tensor "w"
graph.derived @quantize_c7 : tensor<8x64xi4>, tensor<8x2xbf16>, tensor<8xi4> {
  %w = graph.get @w : tensor<8x64xf32>
  // expected-error @below {{zero points 'tensor<8xi4>' must be 'tensor<8x2xi4>'}}
  %c, %s, %z = graph.quantize %w to <i4, group = 32, scale = bf16, zero_point = i4> : (tensor<8x64xf32>) -> (tensor<8x64xi4>, tensor<8x2xbf16>, tensor<8xi4>)
  graph.yield %c, %s, %z : tensor<8x64xi4>, tensor<8x2xbf16>, tensor<8xi4>
}

// -----

func.func @quantize_c8(%x: tensor<?x4xf32>) {
  // expected-error @below {{searches scales; only a scheme that is not dynamic, in a derivation and without a scale operand, has scales to search}}
  %c, %s = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> {search} : (tensor<?x4xf32>) -> (tensor<?x4xf8E4M3FN>, tensor<?xf32>)
  return
}

// -----

func.func @dequantize_c1(%c: tensor<8x64xi8>, %s: tensor<8x2xbf16>) {
  // expected-error @below {{must have the scheme's storage type 'i4'}}
  %x = graph.dequantize %c scale %s from <i4, group = 32, scale = bf16> : (tensor<8x64xi8>, tensor<8x2xbf16>) -> tensor<8x64xf32>
  return
}

// -----

// A short last group has a scale of its own.
func.func @dequantize_c2(%c: tensor<8x72xi4>, %s: tensor<8x2xbf16>) {
  // expected-error @below {{scales 'tensor<8x2xbf16>' must be 'tensor<8x3xbf16>'}}
  %x = graph.dequantize %c scale %s from <i4, group = 32, scale = bf16> : (tensor<8x72xi4>, tensor<8x2xbf16>) -> tensor<8x72xf32>
  return
}

// -----

func.func @dequantize_c3(%c: tensor<8x64xi4>, %s: tensor<8x2xbf16>) {
  // expected-error @below {{must be float of the shape of codes}}
  %x = graph.dequantize %c scale %s from <i4, group = 32, scale = bf16> : (tensor<8x64xi4>, tensor<8x2xbf16>) -> tensor<8x64xi8>
  return
}

// -----

func.func @dequantize_c4(%c: tensor<8x64xi4>, %s: tensor<8xf32>) {
  // expected-error @below {{must have no second-level scale}}
  %x = graph.dequantize %c scale %s from <i4, channel, scale = f32, second = f32> : (tensor<8x64xi4>, tensor<8xf32>) -> tensor<8x64xf32>
  return
}

// -----

func.func @dequantize_c5(%c: tensor<8x64xi4>, %s: tensor<8xbf16>) {
  // expected-error @below {{must have zero points exactly for a scheme that has them}}
  %x = graph.dequantize %c scale %s from <i4, channel, scale = bf16, zero_point = i4> : (tensor<8x64xi4>, tensor<8xbf16>) -> tensor<8x64xf32>
  return
}

// -----

func.func @dequantize_c5(%c: tensor<8x64xi4>, %s: tensor<8xbf16>, %z: tensor<8xi4>) {
  // expected-error @below {{must have zero points exactly for a scheme that has them}}
  %x = graph.dequantize %c scale %s zero %z from <i4, channel, scale = bf16> : (tensor<8x64xi4>, tensor<8xbf16>, tensor<8xi4>) -> tensor<8x64xf32>
  return
}

// -----

func.func @dequantize_c5(%c: tensor<8x64xi4>, %s: tensor<8xbf16>, %z: tensor<8xbf16>) {
  // expected-error @below {{zero points 'tensor<8xbf16>' must be 'tensor<8xi4>'}}
  %x = graph.dequantize %c scale %s zero %z from <i4, channel, scale = bf16, zero_point = i4> : (tensor<8x64xi4>, tensor<8xbf16>, tensor<8xbf16>) -> tensor<8x64xf32>
  return
}

// -----

func.func @observe_c1(%x: tensor<?xi32>) {
  // expected-error @below {{must be float}}
  graph.observe %x {name = "x", kinds = ["absmax"]} : tensor<?xi32>
  return
}

// -----

func.func @observe_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have a name}}
  graph.observe %x {name = "", kinds = ["absmax"]} : tensor<?x4xf32>
  return
}

// -----

func.func @observe_c3(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have at least one kind of statistics}}
  graph.observe %x {name = "x", kinds = []} : tensor<?x4xf32>
  return
}

// -----

func.func @observe_c3(%x: tensor<?x4xf32>) {
  // expected-error @below {{must not be empty or come twice}}
  graph.observe %x {name = "x", kinds = ["absmax", "absmax"]} : tensor<?x4xf32>
  return
}

// -----

graph.parameter @w : tensor<8x64xf32> from "model.safetensors" tensor "w"
graph.derived @pack_c1 : tensor<8192xi8> {
  %w = graph.get @w : tensor<8x64xf32>
  // expected-error @below {{must have static shape, rank 2 and element type 'bf16'}}
  %p = graph.pack %w as <fragment, bf16> : tensor<8x64xf32> -> tensor<8192xi8>
  graph.yield %p : tensor<8192xi8>
}

// -----

graph.parameter @w : tensor<8x72xbf16> from "model.safetensors" tensor "w"
graph.derived @pack_c2 : tensor<8192xi8> {
  %w = graph.get @w : tensor<8x72xbf16>
  // expected-error @below {{must be 'tensor<16384xi8>'}}
  %p = graph.pack %w as <fragment, bf16> : tensor<8x72xbf16> -> tensor<8192xi8>
  graph.yield %p : tensor<8192xi8>
}

// -----

func.func @pack_c3(%w: tensor<8x64xbf16>) {
  // expected-error @below {{must be inside a graph.derived}}
  %p = graph.pack %w as <fragment, bf16> : tensor<8x64xbf16> -> tensor<8192xi8>
  return
}
