// Every op and attribute form parses, verifies, and prints as it was read.
// RUN: qcc-opt %s --verify-roundtrip -o /dev/null

#llama3 = #graph.rope<llama3, dim = 64, theta = 5.0e+05, factor = 8.0, low_freq_factor = 1.0, high_freq_factor = 4.0, original = 8192.0>
#yarn = #graph.rope<yarn, dim = 64, theta = 1.0e+06, factor = 4.0, original = 32768.0, beta_fast = 32.0, beta_slow = 1.0, attention_factor = 1.1386294361119891, no_truncate>

module attributes {
  graph.schemes = [#graph.scheme<f8E4M3FN, tensor, scale = f32>, #graph.scheme<i8, channel, scale = f32, zero_point = i8>,
             #graph.scheme<f4E2M1FN, group = 16, scale = f8E4M3FN, second = f32>, #graph.scheme<f8E4M3FN, block = [128, 128], scale = f32>,
             #graph.scheme<i2, group = 64, scale = bf16>, #graph.scheme<i3, channel, scale = bf16, zero_point = i3>],
  graph.ropes = [#graph.rope<linear, dim = 64, theta = 1.0e+04, factor = 2.0>, #llama3, #yarn]
} {
  graph.parameter @"model.norm.weight" : tensor<64xbf16> from "model-00001-of-00002.safetensors" tensor "model.norm.weight"
  graph.parameter @"up_proj" : tensor<128x72xbf16> from "model.safetensors" tensor "up_proj"
  graph.parameter @"gate_proj" : tensor<128x72xbf16> from "model.safetensors" tensor "gate_proj"

  graph.derived @"up_proj.fp8" : tensor<128x72xf8E4M3FN>, tensor<128xf32> {
    %w = graph.get @"up_proj" : tensor<128x72xbf16>
    %codes, %scales = graph.quantize %w to <f8E4M3FN, channel, scale = f32> : (tensor<128x72xbf16>) -> (tensor<128x72xf8E4M3FN>, tensor<128xf32>)
    graph.yield %codes, %scales : tensor<128x72xf8E4M3FN>, tensor<128xf32>
  }
  graph.derived @"fused.packed" : tensor<16384xi8>, tensor<1024xi8> {
    %gate = graph.get @"gate_proj" : tensor<128x72xbf16>
    %up = graph.get @"up_proj" : tensor<128x72xbf16>
    %w = graph.concat %gate, %up axis 0 : (tensor<128x72xbf16>, tensor<128x72xbf16>) -> tensor<256x72xbf16>
    %codes, %scales = graph.quantize %w to <i4, group = 64, scale = bf16> : (tensor<256x72xbf16>) -> (tensor<256x72xi4>, tensor<256x2xbf16>)
    %p = graph.pack %codes as <fragment, s4> : tensor<256x72xi4> -> tensor<16384xi8>
    %s = graph.pack %scales as <scales_group> : tensor<256x2xbf16> -> tensor<1024xi8>
    graph.yield %p, %s : tensor<16384xi8>, tensor<1024xi8>
  }
  graph.parameter @"q_proj.codes" : tensor<128x72xi4> from "quantized/001-gptq.safetensors" tensor "q_proj.codes"
  graph.parameter @"q_proj.scales" : tensor<128xbf16> from "quantized/001-gptq.safetensors" tensor "q_proj.scales"
  graph.parameter @"q_proj.zeros" : tensor<128xi4> from "quantized/001-gptq.safetensors" tensor "q_proj.zeros"
  graph.derived @"q_proj.packed" : tensor<8192xi8>, tensor<256xi8>, tensor<256xi8> {
    %codes = graph.get @"q_proj.codes" : tensor<128x72xi4>
    %scales = graph.get @"q_proj.scales" : tensor<128xbf16>
    %zeros = graph.get @"q_proj.zeros" : tensor<128xi4>
    %p = graph.pack %codes as <fragment, s4_e4m3> : tensor<128x72xi4> -> tensor<8192xi8>
    %s1 = graph.reshape %scales : tensor<128xbf16> -> tensor<128x1xbf16>
    %s = graph.pack %s1 as <scales_group> : tensor<128x1xbf16> -> tensor<256xi8>
    %z1 = graph.reshape %zeros : tensor<128xi4> -> tensor<128x1xi4>
    %z = graph.pack %z1 as <zeros_group> : tensor<128x1xi4> -> tensor<256xi8>
    graph.yield %p, %s, %z : tensor<8192xi8>, tensor<256xi8>, tensor<256xi8>
  }
  graph.derived @"up_proj.searched" : tensor<128x72xi4>, tensor<128x3xbf16>, tensor<128x3xi4> {
    %w = graph.get @"up_proj" : tensor<128x72xbf16>
    %codes, %scales, %zeros = graph.quantize %w to <i4, group = 32, scale = bf16, zero_point = i4> {search} : (tensor<128x72xbf16>) -> (tensor<128x72xi4>, tensor<128x3xbf16>, tensor<128x3xi4>)
    graph.yield %codes, %scales, %zeros : tensor<128x72xi4>, tensor<128x3xbf16>, tensor<128x3xi4>
  }
  graph.derived @"up_proj.int8" : tensor<128x72xi8>, tensor<16384xi8>, tensor<16384xi8> {
    %w = graph.get @"up_proj" : tensor<128x72xbf16>
    %codes, %scale = graph.quantize %w to <i8, tensor, scale = f32> : (tensor<128x72xbf16>) -> (tensor<128x72xi8>, tensor<f32>)
    %s = graph.broadcast %scale : tensor<f32> -> tensor<128xf32>
    %s8 = graph.pack %codes as <fragment, s8> : tensor<128x72xi8> -> tensor<16384xi8>
    %s8_bf16 = graph.pack %codes as <fragment, s8_bf16> : tensor<128x72xi8> -> tensor<16384xi8>
    graph.yield %codes, %s8, %s8_bf16 : tensor<128x72xi8>, tensor<16384xi8>, tensor<16384xi8>
  }
  graph.derived @"up_proj.block" : tensor<8xi8> {
    %w = graph.get @"up_proj" : tensor<128x72xbf16>
    %codes, %scales = graph.quantize %w to <f8E4M3FN, block = [128, 64], scale = f32> : (tensor<128x72xbf16>) -> (tensor<128x72xf8E4M3FN>, tensor<1x2xf32>)
    %s = graph.pack %scales as <scales_block> : tensor<1x2xf32> -> tensor<8xi8>
    graph.yield %s : tensor<8xi8>
  }
  graph.derived @"up_proj.sparse" : tensor<16384xi8>, tensor<2048xi8> {
    %w = graph.get @"up_proj" : tensor<128x72xbf16>
    %v = graph.pack %w as <fragment, bf16_24> : tensor<128x72xbf16> -> tensor<16384xi8>
    %m = graph.pack %w as <metadata24, bf16_24> : tensor<128x72xbf16> -> tensor<2048xi8>
    graph.yield %v, %m : tensor<16384xi8>, tensor<2048xi8>
  }
  graph.derived @rope_table : tensor<512x32x2xf32> {
    %table = graph.rope_table #llama3 positions 512 : tensor<512x32x2xf32>
    graph.yield %table : tensor<512x32x2xf32>
  }

  graph.kv_cache @kv layers 2 kv_heads 1 head_dim 64 page_size 64 : bf16
  graph.kv_cache @kv8 layers 1 kv_heads 2 head_dim 64 page_size 64 : f8E4M3FN k_scale [1.0, 5.0e-01] v_scale [2.5e-01, 1.0]

  graph.kv_cache @kvi8 layers 1 kv_heads 2 head_dim 64 page_size 64 : i8

  func.func @step(%ids: tensor<?xi32> {graph.dims = ["T"]}, %tables: tensor<?x?xi32> {graph.dims = ["B", "P"]}, %starts: tensor<?xi32> {graph.dims = ["B1"]},
                  %lens: tensor<?xi32> {graph.dims = ["B"]}, %x: tensor<?x64xf32>, %table: tensor<256x64xbf16>)
      -> (tensor<?x64xf32> {graph.dims = ["R"]}) {
    %e = graph.embedding %ids, %table : (tensor<?xi32>, tensor<256x64xbf16>) -> tensor<?x64xf32>
    %h = graph.reshape %e : tensor<?x64xf32> -> tensor<?x1x64xf32>
    %r = graph.rope %h at %ids with #yarn : (tensor<?x1x64xf32>, tensor<?xi32>) -> tensor<?x1x64xf32>
    graph.kv_append @kv layer 1 k %r v %h slots %ids : tensor<?x1x64xf32>, tensor<?x1x64xf32>, tensor<?xi32>
    %a = graph.attention @kv layer 1 scale 1.250000e-01 window 32 q %r batch(%starts, %lens, %tables)
      : (tensor<?x1x64xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x1x64xbf16>
    %b = graph.reshape %a : tensor<?x1x64xbf16> -> tensor<?x64xbf16>
    %g = graph.gather_rows %b at %ids : (tensor<?x64xbf16>, tensor<?xi32>) -> tensor<?x64xbf16>
    %w = graph.get @"model.norm.weight" : tensor<64xbf16>
    %n = graph.rms_norm %g, %w eps 1.000000e-05 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
    %codes, %scales = graph.quantize %n to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x64xbf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?xf32>)
    %d = graph.dequantize %codes scale %scales from <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x64xf8E4M3FN>, tensor<?xf32>) -> tensor<?x64xf32>
    %l = graph.linear %d, %table {name = "lm_head", sparse24} : (tensor<?x64xf32>, tensor<256x64xbf16>) -> tensor<?x256xf32>
    %bias = graph.reduce sum %table axis 1 : tensor<256x64xbf16> -> tensor<256xf32>
    %y = graph.linear %d, %table bias %bias {name = "biased"} : (tensor<?x64xf32>, tensor<256x64xbf16>, tensor<256xf32>) -> tensor<?x256xf32>
    %i = graph.argmax %l : tensor<?x256xf32> -> tensor<?xi32>
    return %d : tensor<?x64xf32>
  }

  func.func @elementwise(%x: tensor<?x8xf32>, %v: tensor<8xf32>, %q: tensor<4x8xf32>, %s: tensor<f32>) {
    %0 = graph.silu %x : tensor<?x8xf32> -> tensor<?x8xbf16>
    %1 = graph.gelu %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %2 = graph.gelu %x approximate : tensor<?x8xf32> -> tensor<?x8xf32>
    %3 = graph.relu %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %4 = graph.sigmoid %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %5 = graph.tanh %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %6 = graph.exp %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %7 = graph.neg %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %8 = graph.sqrt %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %9 = graph.rsqrt %x : tensor<?x8xf32> -> tensor<?x8xf32>
    %10 = graph.add %x, %v : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %11 = graph.sub %x, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xbf16>
    %12 = graph.mul %x, %v : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %13 = graph.div %x, %v : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %14 = graph.max %x, %v : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %15 = graph.min %x, %v : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %16 = graph.cast %x : tensor<?x8xf32> -> tensor<?x8xf16>
    %17 = graph.softmax %x axis 1 : tensor<?x8xf32> -> tensor<?x8xf32>
    %18 = graph.reduce mean %x axis 1 : tensor<?x8xf32> -> tensor<?xf32>
    %19 = graph.transpose %q by [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
    %20 = graph.slice %x axis 1 begin 2 size 4 : tensor<?x8xf32> -> tensor<?x4xf32>
    %21 = graph.matmul %19, %q : (tensor<8x4xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    graph.observe %x {name = "x", kinds = ["absmax", "moments"]} : tensor<?x8xf32>
    %22 = graph.quantize %x scale %s to <f8E4M3FN, tensor, scale = f32> : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf8E4M3FN>
    return
  }
}
