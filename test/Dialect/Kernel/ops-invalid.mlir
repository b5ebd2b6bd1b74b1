// One case per constraint of docs/spec.md, named by its label.
// RUN: qcc-opt %s -verify-diagnostics -split-input-file

// expected-error @below {{bound 'X' must be one of T, B, R, Q, C, P with a positive integer}}
module @variant_c1 attributes {v = #kernel.variant<{X = 8}, {}>} {}

// -----

// expected-error @below {{configuration 'WARPS' must be an integer}}
module @variant_c2 attributes {v = #kernel.variant<{}, {WARPS = "8"}>} {}

// -----

func.func @gemm_c1(%w: tensor<128xi8>, %x: tensor<?x64xf32>) {
  // expected-error @below {{x of element type 'f32' does not fit the weight format bf16}}
  %y = kernel.gemm bf16 rows T weights(%w) x(%x) : (tensor<128xi8>, tensor<?x64xf32>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c2(%w: tensor<128xi8>, %s: tensor<256xi8>, %x: tensor<?x64xf8E4M3FN>) {
  // expected-error @below {{x_scale must be present exactly when x is not bf16}}
  %y = kernel.gemm e4m3 rows T weights(%w, %s) x(%x) : (tensor<128xi8>, tensor<256xi8>, tensor<?x64xf8E4M3FN>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c3(%w: tensor<128xi8>, %x: tensor<?x64xbf16>) {
  // expected-error @below {{weight_scale must be present exactly when the format is neither bf16 nor bf16_24}}
  %y = kernel.gemm s4 group 32 rows T weights(%w) x(%x) : (tensor<128xi8>, tensor<?x64xbf16>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c4(%w: tensor<128xi8>, %s: tensor<256xi8>, %x: tensor<?x64xbf16>) {
  // expected-error @below {{group 24 must be a positive multiple of 16 (s4_e4m3: 32), only with s4, s4_zero, s8 and s4_e4m3}}
  %y = kernel.gemm s4 group 24 rows T weights(%w, %s) x(%x) : (tensor<128xi8>, tensor<256xi8>, tensor<?x64xbf16>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c2_shape(%w: tensor<128xi8>, %s: tensor<256xi8>, %x: tensor<?x256xf8E4M3FN>, %xs: tensor<?xf32>) {
  // expected-error @below {{x_scale 'tensor<?xf32>' must be f32 [?, ceil(K / 128)]}}
  %y = kernel.gemm e4m3_block rows T weights(%w, %s) x(%x, %xs) : (tensor<128xi8>, tensor<256xi8>, tensor<?x256xf8E4M3FN>, tensor<?xf32>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c4_unit(%w: tensor<128xi8>, %s: tensor<256xi8>, %x: tensor<?x64xf8E4M3FN>, %xs: tensor<?xf32>) {
  // expected-error @below {{group 48 must be a positive multiple of 16 (s4_e4m3: 32)}}
  %y = kernel.gemm s4_e4m3 group 48 rows T weights(%w, %s) x(%x, %xs) : (tensor<128xi8>, tensor<256xi8>, tensor<?x64xf8E4M3FN>, tensor<?xf32>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c4_format(%w: tensor<128xi8>, %s: tensor<256xi8>, %x: tensor<?x64xi8>, %xs: tensor<?xf32>) {
  // expected-error @below {{group 64 must be a positive multiple of 16 (s4_e4m3: 32), only with}}
  %y = kernel.gemm s8a8 group 64 rows T weights(%w, %s) x(%x, %xs) : (tensor<128xi8>, tensor<256xi8>, tensor<?x64xi8>, tensor<?xf32>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c7(%w: tensor<128xi8>, %x: tensor<?x64xbf16>) {
  // expected-error @below {{metadata must be present exactly when the format is 2:4 sparse}}
  %y = kernel.gemm bf16_24 rows T weights(%w) x(%x) : (tensor<128xi8>, tensor<?x64xbf16>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c8(%w: tensor<128xi8>, %s: tensor<256xi8>, %z: tensor<256xi8>, %x: tensor<?x64xbf16>) {
  // expected-error @below {{zeros must be present exactly when the format is s4_zero}}
  %y = kernel.gemm s4 group 32 rows T weights(%w, %s) zeros(%z) x(%x) : (tensor<128xi8>, tensor<256xi8>, tensor<256xi8>, tensor<?x64xbf16>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c5(%w: tensor<128xi8>, %x: tensor<?x64xbf16>, %bias: tensor<32xbf16>) {
  // expected-error @below {{epilogue operand 'tensor<32xbf16>' must have y's 64 columns}}
  %y = kernel.gemm bf16 rows T weights(%w) x(%x) extras(%bias) : (tensor<128xi8>, tensor<?x64xbf16>, tensor<32xbf16>) -> tensor<?x64xf32> {
  ^bb0(%acc: f32, %b: bf16):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c6(%w: tensor<128xi8>, %x: tensor<?x64xbf16>) {
  // expected-error @below {{body must yield one 'bf16'}}
  %y = kernel.gemm bf16 rows T weights(%w) x(%x) : (tensor<128xi8>, tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

// Each packed operand of too few bytes: [72, 192] is padded to [128, 192].
func.func @gemm_c9_weights(%w: tensor<6912xi8>, %s: tensor<768xi8>, %x: tensor<?x192xbf16>) {
  // expected-error @below {{weights 'tensor<6912xi8>' must be 'tensor<12288xi8>', which s4 weights of 72 x 192 take}}
  %y = kernel.gemm s4 group 64 rows T weights(%w, %s) x(%x) : (tensor<6912xi8>, tensor<768xi8>, tensor<?x192xbf16>) -> tensor<?x72xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c9_scales(%w: tensor<12288xi8>, %s: tensor<512xi8>, %x: tensor<?x192xbf16>) {
  // expected-error @below {{weight_scale 'tensor<512xi8>' must be 'tensor<768xi8>'}}
  %y = kernel.gemm s4 group 64 rows T weights(%w, %s) x(%x) : (tensor<12288xi8>, tensor<512xi8>, tensor<?x192xbf16>) -> tensor<?x72xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c9_zeros(%w: tensor<12288xi8>, %s: tensor<512xi8>, %z: tensor<256xi8>, %x: tensor<?x192xbf16>) {
  // expected-error @below {{zeros 'tensor<256xi8>' must be 'tensor<512xi8>'}}
  %y = kernel.gemm s4_zero group 96 rows T weights(%w, %s) zeros(%z) x(%x) : (tensor<12288xi8>, tensor<512xi8>, tensor<256xi8>, tensor<?x192xbf16>) -> tensor<?x72xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c9_blocks(%w: tensor<24576xi8>, %s: tensor<4xi8>, %x: tensor<?x192xf8E4M3FN>, %xs: tensor<?x2xf32>) {
  // expected-error @below {{weight_scale 'tensor<4xi8>' must be 'tensor<8xi8>'}}
  %y = kernel.gemm e4m3_block rows T weights(%w, %s) x(%x, %xs) : (tensor<24576xi8>, tensor<4xi8>, tensor<?x192xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x72xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @gemm_c9_metadata(%w: tensor<12288xi8>, %s: tensor<512xi8>, %m: tensor<3072xi4>, %x: tensor<?x192xi8>, %xs: tensor<?xf32>) {
  // expected-error @below {{metadata 'tensor<3072xi4>' must be 'tensor<3072xi8>'}}
  %y = kernel.gemm s8_24 rows T weights(%w, %s) metadata(%m) x(%x, %xs) : (tensor<12288xi8>, tensor<512xi8>, tensor<3072xi4>, tensor<?x192xi8>, tensor<?xf32>) -> tensor<?x72xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  return
}

// -----

func.func @normalize_c1(%x: tensor<?x64xf32>, %w: tensor<64xbf16>) {
  // expected-error @below {{must be [?, H] bf16}}
  %y = kernel.normalize %x weight %w eps 1.0e-05 rows T : tensor<?x64xf32>, tensor<64xbf16> -> tensor<?x64xbf16>
  return
}

// -----

func.func @normalize_c2(%x: tensor<?x64xbf16>, %w: tensor<64xbf16>) {
  // expected-error @below {{sum must be present exactly when residual is}}
  %y = kernel.normalize %x weight %w residual %x eps 1.0e-05 rows T : tensor<?x64xbf16>, tensor<64xbf16>, tensor<?x64xbf16> -> tensor<?x64xbf16>
  return
}

// -----

func.func @normalize_c3(%x: tensor<?x64xbf16>, %w: tensor<64xbf16>) {
  // expected-error @below {{codes must have either computed scales as a result or a static_scale}}
  %y = kernel.normalize %x weight %w eps 1.0e-05 rows T : tensor<?x64xbf16>, tensor<64xbf16> -> tensor<?x64xf8E4M3FN>
  return
}

// -----

func.func @normalize_c3_both(%x: tensor<?x64xbf16>, %w: tensor<64xbf16>, %s: tensor<f32>) {
  // expected-error @below {{codes must have either computed scales as a result or a static_scale}}
  %y, %scale = kernel.normalize %x weight %w static_scale %s eps 1.0e-05 rows T
    : tensor<?x64xbf16>, tensor<64xbf16> static_scale tensor<f32> -> tensor<?x64xi8> scale tensor<?xf32>
  return
}

// -----

func.func @normalize_c3_bf16(%x: tensor<?x64xbf16>, %w: tensor<64xbf16>, %s: tensor<f32>) {
  // expected-error @below {{a bf16 result has no scales}}
  %y = kernel.normalize %x weight %w static_scale %s eps 1.0e-05 rows T
    : tensor<?x64xbf16>, tensor<64xbf16> static_scale tensor<f32> -> tensor<?x64xbf16>
  return
}

// -----

func.func @normalize_c3_groups_of_integers(%x: tensor<?x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{scale 'tensor<?x2xf32>' must be f32 of one per row, or for f8E4M3FN per row and group of 128 columns, [?, 2]}}
  %y, %scale = kernel.normalize %x weight %w eps 1.0e-05 rows T
    : tensor<?x256xbf16>, tensor<256xbf16> -> tensor<?x256xi8> scale tensor<?x2xf32>
  return
}

// -----

func.func @normalize_c3_other_groups(%x: tensor<?x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{scale 'tensor<?x4xf32>' must be f32}}
  %y, %scale = kernel.normalize %x weight %w eps 1.0e-05 rows T
    : tensor<?x256xbf16>, tensor<256xbf16> -> tensor<?x256xf8E4M3FN> scale tensor<?x4xf32>
  return
}

// -----

func.func @rope_append_c1(%x: tensor<?x128xbf16>, %t: tensor<8x32x2xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{columns 128 to 192 of operand 1 lie outside}}
  %q = kernel.rope_append @kv layer 0 heads 1 kv_heads 1 head_dim 64 qkv(%x, %x, %x) at [0, 128, 64] table %t positions %i slots %i
    : (tensor<?x128xbf16>, tensor<?x128xbf16>, tensor<?x128xbf16>, tensor<8x32x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @rope_append_c2(%x: tensor<?x64xbf16>, %t: tensor<8x64x2xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{must be f32 [positions, 32, 2]}}
  %q = kernel.rope_append @kv layer 0 heads 1 kv_heads 1 head_dim 64 qkv(%x, %x, %x) at [0, 0, 0] table %t positions %i slots %i
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<8x64x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @rope_append_c3(%x: tensor<?x64xbf16>, %t: tensor<8x32x2xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{q_norm, k_norm and eps must come together}}
  %q = kernel.rope_append @kv layer 0 heads 1 kv_heads 1 head_dim 64 qkv(%x, %x, %x) at [0, 0, 0] table %t positions %i slots %i {eps = 1.0e-06}
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<8x32x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

graph.kv_cache @kv layers 1 kv_heads 2 head_dim 64 page_size 64 : bf16
func.func @rope_append_c4(%x: tensor<?x64xbf16>, %t: tensor<8x32x2xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{1 heads of 64 differ from the cache's 2 heads of 64}}
  %q = kernel.rope_append @kv layer 0 heads 1 kv_heads 1 head_dim 64 qkv(%x, %x, %x) at [0, 0, 0] table %t positions %i slots %i
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<8x32x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @attention_c1(%q: tensor<?x64xf32>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{must be [?, 64] bf16}}
  %y = kernel.attention @kv layer 0 heads 1 kv_heads 1 head_dim 64 scale 1.0 q %q batch(%i, %i, %t) : (tensor<?x64xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x192xbf16>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{heads 3 must be a multiple of kv_heads 2}}
  %y = kernel.attention @kv layer 0 heads 3 kv_heads 2 head_dim 64 scale 1.0 q %q batch(%i, %i, %t) : (tensor<?x192xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x192xbf16>
  return
}

// -----

func.func @attention_c3(%q: tensor<?x64xbf16>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{no graph.kv_cache @kv}}
  %y = kernel.attention @kv layer 0 heads 1 kv_heads 1 head_dim 64 scale 1.0 q %q batch(%i, %i, %t) : (tensor<?x64xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @attention_c4(%q: tensor<?x64xbf16>, %i: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{window 0 must be positive}}
  %y = kernel.attention @kv layer 0 heads 1 kv_heads 1 head_dim 64 scale 1.0 window 0 q %q batch(%i, %i, %t) : (tensor<?x64xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @pointwise_c1(%x: tensor<?x64xbf16>) {
  // expected-error @below {{columns 32 to 96 lie outside}}
  %y = kernel.pointwise(%x) at [32] rows T : (tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  ^bb0(%a: bf16):
    kernel.yield %a : bf16
  }
  return
}

// -----

func.func @pointwise_c2(%x: tensor<?x64xbf16>) {
  // expected-error @below {{2 offsets for 1 inputs}}
  %y = kernel.pointwise(%x) at [0, 0] rows T : (tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  ^bb0(%a: bf16):
    kernel.yield %a : bf16
  }
  return
}

// -----

func.func @pointwise_c3(%x: tensor<?x64xbf16>) {
  // expected-error @below {{result element type 'f32' must be bf16, f8E4M3FN or i8}}
  %y = kernel.pointwise(%x) at [0] rows T : (tensor<?x64xbf16>) -> tensor<?x64xf32> {
  ^bb0(%a: bf16):
    kernel.yield %a : bf16
  }
  return
}

// -----

func.func @pointwise_c3_static_scale(%x: tensor<?x64xbf16>, %s: tensor<1xf32>) {
  // expected-error @below {{static_scale 'tensor<1xf32>' must be one f32, tensor<f32>}}
  %y = kernel.pointwise(%x) at [0] static_scale %s rows T : (tensor<?x64xbf16>, tensor<1xf32>) -> tensor<?x64xi8> {
  ^bb0(%a: bf16):
    kernel.yield %a : bf16
  }
  return
}

// -----

func.func @pointwise_c4(%x: tensor<?x64xbf16>) {
  // expected-error @below {{body takes 'bf16', 'bf16', must take 'bf16'}}
  %y = kernel.pointwise(%x) at [0] rows T : (tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  ^bb0(%a: bf16, %b: bf16):
    kernel.yield %a : bf16
  }
  return
}

// -----

func.func @gather_c1(%t: tensor<8x64xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{must be [rows, H], [?] i32 and [?, H] bf16}}
  %y = kernel.gather %t at %i rows T : (tensor<8x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @gather_c2(%t: tensor<8x64xi8>, %i: tensor<?xi32>) {
  // expected-error @below {{must be bf16 without scales, or f8E4M3FN or i8 with an f32 scale for each of its rows}}
  %y = kernel.gather %t at %i rows T : (tensor<8x64xi8>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @gather_c2_scales(%t: tensor<8x64xi8>, %s: tensor<64xf32>, %i: tensor<?xi32>) {
  // expected-error @below {{must be bf16 without scales, or f8E4M3FN or i8 with an f32 scale for each of its rows}}
  %y = kernel.gather %t scale %s at %i rows T : (tensor<8x64xi8>, tensor<64xf32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @argmax_c1(%x: tensor<?x64xbf16>) {
  // expected-error @below {{must be f32 [?, V]}}
  %y = kernel.argmax %x rows R : (tensor<?x64xbf16>) -> tensor<?xi32>
  return
}

// -----

func.func @rope_append_c5(%x: tensor<?x64xbf16>, %t: tensor<8x32x2xf32>, %i: tensor<?xi32>, %n: tensor<64xf32>) {
  // expected-error @below {{norm weight 'tensor<64xf32>' must be [64] bf16}}
  %q = kernel.rope_append @kv layer 0 heads 1 kv_heads 1 head_dim 64 qkv(%x, %x, %x) at [0, 0, 0] norms(%n, %n) eps 1.0e-06 table %t positions %i slots %i
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xf32>, tensor<64xf32>, tensor<8x32x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x64xbf16>
  return
}
