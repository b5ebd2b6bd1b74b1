// RUN: qcc-opt %s -qcc-set-kv-cache="type=bf16" | FileCheck %s --check-prefix=BF16
// RUN: qcc-opt %s -qcc-set-kv-cache="type=fp8" | FileCheck %s --check-prefix=FP8
// RUN: qcc-opt %s -qcc-set-kv-cache="type=int8" | FileCheck %s --check-prefix=INT8
// RUN: not qcc-opt %s -qcc-set-kv-cache="type=fp8 stats=%t.missing" 2>&1 | FileCheck %s --check-prefix=ORIGIN

// Calibrated scales need to know the model.
// ORIGIN: error: the module's attribute graph.model lacks source, vocabulary or max_context; import the model with qcc

// BF16: graph.kv_cache @kv layers 1 kv_heads 2 head_dim 64 page_size 64 : bf16{{$}}
// INT8: graph.kv_cache @kv layers 1 kv_heads 2 head_dim 64 page_size 64 : i8{{$}}
// FP8: graph.kv_cache @kv layers 1 kv_heads 2 head_dim 64 page_size 64 : f8E4M3FN k_scale [1.000000e+00, 1.000000e+00] v_scale [1.000000e+00, 1.000000e+00]
graph.kv_cache @kv layers 1 kv_heads 2 head_dim 64 page_size 64 : f32

// Scales that were set by hand or by calibration stay.
// BF16: graph.kv_cache @calibrated layers 1 kv_heads 1 head_dim 64 page_size 64 : bf16{{$}}
// FP8: graph.kv_cache @calibrated {{.*}} : f8E4M3FN k_scale [5.000000e-01] v_scale [2.500000e-01]
graph.kv_cache @calibrated layers 1 kv_heads 1 head_dim 64 page_size 64 : f8E4M3FN k_scale [0.5] v_scale [0.25]
