// Every kernel op parses, verifies, and prints as it was read.
// RUN: qcc-opt %s --verify-roundtrip -o /dev/null

graph.kv_cache @kv layers 2 kv_heads 1 head_dim 64 page_size 64 : bf16

func.func @forward(%ids: tensor<?xi32>, %tables: tensor<?x?xi32>, %table: tensor<256x128xbf16>, %e4m3: tensor<16384xi8>, %s4: tensor<12288xi8>, %bf16: tensor<65536xi8>,
                   %s8_24: tensor<8192xi8>, %metadata: tensor<2048xi8>, %f32_scales: tensor<512xi8>, %group_scales: tensor<768xi8>, %row_scales: tensor<384xi8>,
                   %norm: tensor<128xbf16>, %cos_sin: tensor<512x32x2xf32>, %head_norm: tensor<64xbf16>, %logits: tensor<?x256xf32>,
                   %one: tensor<f32>, %codes: tensor<256x128xi8>, %code_scales: tensor<256xf32>) {
  %x = kernel.gather %table at %ids rows T {variants = [#kernel.variant<{T = 8}, {WARPS = 1}>, #kernel.variant<{}, {WARPS = 8}>]}
    : (tensor<256x128xbf16>, tensor<?xi32>) -> tensor<?x128xbf16>
  %n, %s, %sum = kernel.normalize %x weight %norm residual %x eps 1.000000e-05 rows T
    : tensor<?x128xbf16>, tensor<128xbf16>, tensor<?x128xbf16> -> tensor<?x128xf8E4M3FN> scale tensor<?xf32> sum tensor<?x128xbf16>
  %y = kernel.gemm e4m3 rows T weights(%e4m3, %f32_scales) x(%n, %s) extras(%sum) {label = "o_proj"}
    : (tensor<16384xi8>, tensor<512xi8>, tensor<?x128xf8E4M3FN>, tensor<?xf32>, tensor<?x128xbf16>) -> tensor<?x128xbf16> {
  ^bb0(%acc: f32, %residual: bf16):
    %0 = arith.truncf %acc : f32 to bf16
    %1 = arith.addf %0, %residual : bf16
    kernel.yield %1 : bf16
  }
  %w = kernel.gemm s4 group 64 rows R weights(%s4, %group_scales) x(%y)
    : (tensor<12288xi8>, tensor<768xi8>, tensor<?x128xbf16>) -> tensor<?x192xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  %qkv = kernel.gemm bf16 rows T weights(%bf16) x(%y) : (tensor<65536xi8>, tensor<?x128xbf16>) -> tensor<?x256xbf16> {
  ^bb0(%acc: f32):
    %0 = arith.truncf %acc : f32 to bf16
    kernel.yield %0 : bf16
  }
  %n8, %s8 = kernel.normalize %y weight %norm eps 1.000000e-05 rows T
    : tensor<?x128xbf16>, tensor<128xbf16> -> tensor<?x128xi8> scale tensor<?xf32>
  %asym = kernel.gemm s4_zero rows T weights(%s4, %row_scales) zeros(%row_scales) x(%y)
    : (tensor<12288xi8>, tensor<384xi8>, tensor<384xi8>, tensor<?x128xbf16>) -> tensor<?x192xf32> {
  ^bb0(%acc: f32):
    kernel.yield %acc : f32
  }
  %sparse = kernel.gemm s8_24 rows T weights(%s8_24, %f32_scales) metadata(%metadata) x(%n8, %one) extras(%sum)
    : (tensor<8192xi8>, tensor<512xi8>, tensor<2048xi8>, tensor<?x128xi8>, tensor<f32>, tensor<?x128xbf16>) -> tensor<?x128xf32> {
  ^bb0(%acc: f32, %residual: bf16):
    kernel.yield %acc : f32
  }
  // A sum without a scale keeps its place among the results.
  %n2, %sum2 = kernel.normalize %x weight %norm residual %x eps 1.000000e-05 rows T
    : tensor<?x128xbf16>, tensor<128xbf16>, tensor<?x128xbf16> -> tensor<?x128xbf16> sum tensor<?x128xbf16>
  %q = kernel.rope_append @kv layer 1 heads 2 kv_heads 1 head_dim 64 qkv(%qkv, %qkv, %qkv) at [0, 128, 192] norms(%head_norm, %head_norm) eps 1.000000e-06
    table %cos_sin positions %ids slots %ids
    : (tensor<?x256xbf16>, tensor<?x256xbf16>, tensor<?x256xbf16>, tensor<64xbf16>, tensor<64xbf16>, tensor<512x32x2xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x128xbf16>
  %a = kernel.attention @kv layer 1 heads 2 kv_heads 1 head_dim 64 scale 1.250000e-01 window 32 q %q batch(%ids, %ids, %tables)
    : (tensor<?x128xbf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x128xbf16>
  %g, %gs = kernel.pointwise(%qkv, %qkv) at [0, 128] rows T : (tensor<?x256xbf16>, tensor<?x256xbf16>) -> (tensor<?x128xf8E4M3FN>, tensor<?xf32>) {
  ^bb0(%gate: bf16, %up: bf16):
    %0 = math.exp %gate : bf16
    %1 = arith.mulf %0, %up : bf16
    kernel.yield %1 : bf16
  }
  // Every way in which activations are quantized, and an embedding from codes.
  %group, %gscale = kernel.normalize %x weight %norm eps 1.000000e-05 rows T
    : tensor<?x128xbf16>, tensor<128xbf16> -> tensor<?x128xf8E4M3FN> scale tensor<?x1xf32>
  %static, %sum3 = kernel.normalize %x weight %norm residual %x static_scale %one eps 1.000000e-05 rows T
    : tensor<?x128xbf16>, tensor<128xbf16>, tensor<?x128xbf16> static_scale tensor<f32> -> tensor<?x128xi8> sum tensor<?x128xbf16>
  %token, %tscale = kernel.normalize %x weight %norm eps 1.000000e-05 rows T
    : tensor<?x128xbf16>, tensor<128xbf16> -> tensor<?x128xi8> scale tensor<?xf32>
  %fixed = kernel.pointwise(%qkv) at [128] static_scale %one rows T : (tensor<?x256xbf16>, tensor<f32>) -> tensor<?x128xf8E4M3FN> {
  ^bb0(%v: bf16):
    kernel.yield %v : bf16
  }
  %embedded = kernel.gather %codes scale %code_scales at %ids rows T : (tensor<256x128xi8>, tensor<256xf32>, tensor<?xi32>) -> tensor<?x128xbf16>
  %next = kernel.argmax %logits rows R : (tensor<?x256xf32>) -> tensor<?xi32>
  return
}
