// Which linears of one value form a group, and what the product is called.
// RUN: qcc-opt %s -qcc-fuse-linears -split-input-file | FileCheck %s

graph.parameter @p : tensor<16x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<16x64xbf16> {
  %t = graph.get @p : tensor<16x64xbf16>
  graph.yield %t : tensor<16x64xbf16>
}
// Three of one result type join; the fourth, whose result is f32, stays alone.
// CHECK-LABEL: @three_and_one
// CHECK-DAG: %[[Y:.*]] = graph.linear %{{.*}} {name = "l.a+b+d"} : (tensor<?x64xbf16>, tensor<48x64xbf16>) -> tensor<?x48xbf16>
// CHECK-DAG: graph.linear %{{.*}} {name = "l.c"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xf32>
// CHECK-DAG: graph.slice %[[Y]] axis 1 begin 0 size 16
// CHECK-DAG: graph.slice %[[Y]] axis 1 begin 16 size 16
// CHECK-DAG: graph.slice %[[Y]] axis 1 begin 32 size 16
func.func @three_and_one(%x: tensor<?x64xbf16>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>, tensor<?x16xf32>, tensor<?x16xbf16>) {
  %w = graph.get @w : tensor<16x64xbf16>
  %a = graph.linear %x, %w {name = "l.a"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %b = graph.linear %x, %w {name = "l.b"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %c = graph.linear %x, %w {name = "l.c"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xf32>
  %d = graph.linear %x, %w {name = "l.d"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  return %a, %b, %c, %d : tensor<?x16xbf16>, tensor<?x16xbf16>, tensor<?x16xf32>, tensor<?x16xbf16>
}

// -----

graph.parameter @p : tensor<12x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<12x64xbf16> {
  %t = graph.get @p : tensor<12x64xbf16>
  graph.yield %t : tensor<12x64xbf16>
}
// The second part would begin at column 12, which no 128-bit load reads: they stay apart.
// CHECK-LABEL: @unaligned
// CHECK: {name = "l.a"}
// CHECK: {name = "l.b"}
// CHECK-NOT: graph.slice
// CHECK: return
func.func @unaligned(%x: tensor<?x64xbf16>) -> (tensor<?x12xbf16>, tensor<?x12xbf16>) {
  %w = graph.get @w : tensor<12x64xbf16>
  %a = graph.linear %x, %w {name = "l.a"} : (tensor<?x64xbf16>, tensor<12x64xbf16>) -> tensor<?x12xbf16>
  %b = graph.linear %x, %w {name = "l.b"} : (tensor<?x64xbf16>, tensor<12x64xbf16>) -> tensor<?x12xbf16>
  return %a, %b : tensor<?x12xbf16>, tensor<?x12xbf16>
}

// -----

graph.parameter @p : tensor<16x64xbf16> from "f" tensor "p"
graph.derived @w : tensor<16x64xbf16> {
  %t = graph.get @p : tensor<16x64xbf16>
  graph.yield %t : tensor<16x64xbf16>
}
// Names without dots are joined whole.
// CHECK-LABEL: @no_dots
// CHECK: graph.linear %{{.*}} {name = "gate+up"}
func.func @no_dots(%x: tensor<?x64xbf16>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>) {
  %w = graph.get @w : tensor<16x64xbf16>
  %a = graph.linear %x, %w {name = "gate"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  %b = graph.linear %x, %w {name = "up"} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xbf16>
  return %a, %b : tensor<?x16xbf16>, tensor<?x16xbf16>
}
