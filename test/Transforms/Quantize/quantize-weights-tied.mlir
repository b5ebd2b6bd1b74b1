// A head tied to the table: both start from one derivation, which goes when nothing reads it any more.
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w4a16 group-size=32 head embeddings" --verify-roundtrip | FileCheck %s --check-prefix=TWO
// RUN: qcc-opt %s -qcc-quantize-weights="preset=fp8 head embeddings" --verify-roundtrip | FileCheck %s --check-prefix=ONE
// RUN: qcc-opt %s -qcc-quantize-weights="preset=w4a16 group-size=32 embeddings" --verify-roundtrip | FileCheck %s --check-prefix=TABLE

graph.parameter @table : tensor<24x64xbf16> from "model.safetensors" tensor "table"
// Held as two things, they are two derivations; held as one, they share it.
//   TWO-NOT: @table.bf16
//   TWO-DAG: graph.derived @table.w4g32 : tensor<24x64xi4>, tensor<24x2xbf16> {
//   TWO-DAG: graph.derived @table.w8 : tensor<24x64xi8>, tensor<24xf32> {
//   ONE-NOT: @table.bf16
//       ONE: graph.derived @table.fp8 : tensor<24x64xf8E4M3FN>, tensor<24xf32> {
//   ONE-NOT: graph.derived
// TABLE-DAG: graph.derived @table.w8 :
// TABLE-DAG: graph.derived @table.bf16 :
graph.derived @table.bf16 : tensor<24x64xbf16> {
  %0 = graph.get @table : tensor<24x64xbf16>
  graph.yield %0 : tensor<24x64xbf16>
}

//   TWO-LABEL: @forward
//   ONE-LABEL: @forward
// TABLE-LABEL: @forward
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x24xf32> {
  //   TWO: %[[T:.*]]:2 = graph.get @table.w8
  //   TWO: %[[TD:.*]] = graph.dequantize %[[T]]#0 scale %[[T]]#1
  //   TWO: graph.embedding %{{.*}}, %[[TD]]
  //   ONE: graph.get @table.fp8
  //   ONE: graph.embedding
  // TABLE: graph.get @table.w8
  // TABLE: graph.embedding
  %table = graph.get @table.bf16 : tensor<24x64xbf16>
  %x = graph.embedding %ids, %table : (tensor<?xi32>, tensor<24x64xbf16>) -> tensor<?x64xbf16>
  //   TWO: %[[H:.*]]:2 = graph.get @table.w4g32
  //   TWO: %[[HD:.*]] = graph.dequantize %[[H]]#0 scale %[[H]]#1
  //   TWO: graph.linear %{{.*}}, %[[HD]] {name = "lm_head"}
  //   ONE: graph.get @table.fp8
  //   ONE: graph.linear {{.*}} {name = "lm_head"}
  // TABLE: %[[B:.*]] = graph.get @table.bf16
  // TABLE: graph.linear %{{.*}}, %[[B]] {name = "lm_head"}
  %head = graph.get @table.bf16 : tensor<24x64xbf16>
  %1 = graph.linear %x, %head {name = "lm_head"} : (tensor<?x64xbf16>, tensor<24x64xbf16>) -> tensor<?x24xf32>
  return %1 : tensor<?x24xf32>
}
