// Ops that move values, and the names of dynamic sizes: one function per constraint of docs/spec.md.
// RUN: qcc-opt %s -verify-diagnostics -split-input-file

func.func @reshape_c1(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have the element type of x}}
  %y = graph.reshape %x : tensor<?x4xf32> -> tensor<?x2x2xbf16>
  return
}

// -----

func.func @reshape_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{must both have a dynamic dimension in front, and no other, or none}}
  %y = graph.reshape %x : tensor<?x4xf32> -> tensor<4x?xf32>
  return
}

// -----

func.func @reshape_c3(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have equally many elements}}
  %y = graph.reshape %x : tensor<?x4xf32> -> tensor<?x2x3xf32>
  return
}

// -----

func.func @transpose_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{must hold each of the dimensions}}
  %y = graph.transpose %x by [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @transpose_c2(%x: tensor<2x3xf32>) {
  // expected-error @below {{must be 'tensor<3x2xf32>'}}
  %y = graph.transpose %x by [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{axis 2 is out of range [0, 2)}}
  %y = graph.concat %x axis 2 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @concat_c2(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error @below {{must agree with}}
  %y = graph.concat %a, %b axis 0 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_c3(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>) {
  // expected-error @below {{must be 'tensor<4x3xf32>'}}
  %y = graph.concat %a, %b axis 0 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<?x4xf32>) {
  // expected-error @below {{axis 0 must be a static dimension}}
  %y = graph.slice %x axis 0 begin 0 size 1 : tensor<?x4xf32> -> tensor<1x4xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{begin 3 and size 2 must name a range of the axis's 4}}
  %y = graph.slice %x axis 1 begin 3 size 2 : tensor<?x4xf32> -> tensor<?x2xf32>
  return
}

// -----

func.func @slice_c3(%x: tensor<?x4xf32>) {
  // expected-error @below {{must be 'tensor<?x2xf32>'}}
  %y = graph.slice %x axis 1 begin 0 size 2 : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----

// expected-error @below {{must name each dynamic dimension}}
func.func @dims_c1(%x: tensor<?x?xi32> {graph.dims = ["T"]}) {
  return
}

// -----

// expected-error @below {{unknown size "X" in graph.dims; must be one of T, B, B1, P, R}}
func.func @dims_c2(%x: tensor<?xi32> {graph.dims = ["X"]}) {
  return
}

// -----

// expected-error @below {{unknown attribute 'graph.dim'; must be 'graph.dims'}}
func.func @misspelt_dims(%x: tensor<?xi32> {graph.dim = ["T"]}) {
  return
}

// -----

graph.derived @broadcast_c1 : tensor<8x1x2x3xbf16> {
  %s = graph.rope_table <default, dim = 2, theta = 1.0e+04> positions 8 : tensor<8x1x2xf32>
  // expected-error @below {{must have the element type of x}}
  %y = graph.broadcast %s : tensor<8x1x2xf32> -> tensor<8x1x2x3xbf16>
  graph.yield %y : tensor<8x1x2x3xbf16>
}

// -----

graph.derived @broadcast_c2 : tensor<4x8x1x2xf32> {
  %s = graph.rope_table <default, dim = 2, theta = 1.0e+04> positions 8 : tensor<8x1x2xf32>
  // expected-error @below {{must have static shape and begin with the shape of x}}
  %y = graph.broadcast %s : tensor<8x1x2xf32> -> tensor<4x8x1x2xf32>
  graph.yield %y : tensor<4x8x1x2xf32>
}

// -----

func.func @broadcast_c3(%s: tensor<f32>) {
  // expected-error @below {{must be inside a graph.derived}}
  %y = graph.broadcast %s : tensor<f32> -> tensor<4xf32>
  return
}
