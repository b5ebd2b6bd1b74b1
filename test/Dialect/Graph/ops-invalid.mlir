// One function per constraint of docs/spec.md, named by its label.
// RUN: qcc-opt %s -verify-diagnostics -split-input-file

func.func @linear_c1(%x: tensor<?x4xf32>, %w: tensor<8x5xf32>) {
  // expected-error @below {{must be [..., K] and w 'tensor<8x5xf32>' must be [N, K]}}
  %y = graph.linear %x, %w : (tensor<?x4xf32>, tensor<8x5xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) {
  // expected-error @below {{result 'tensor<?x4xf32>' must have the shape of x}}
  %y = graph.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{bias 'tensor<4xf32>' must have 8 elements}}
  %y = graph.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x4xi32>, %w: tensor<8x4xf32>) {
  // expected-error @below {{element type of 'tensor<?x4xi32>' must be float}}
  %y = graph.linear %x, %w : (tensor<?x4xi32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @matmul_c1(%a: tensor<2x3x4xf32>, %b: tensor<1x4x5xf32>) {
  // expected-error @below {{with equal leading dimensions}}
  %y = graph.matmul %a, %b : (tensor<2x3x4xf32>, tensor<1x4x5xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @matmul_c2(%a: tensor<3x4xf32>, %b: tensor<4x5xf32>) {
  // expected-error @below {{result 'tensor<5x3xf32>' must be [..., M, N]}}
  %y = graph.matmul %a, %b : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<5x3xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<3x4xi8>, %b: tensor<4x5xf32>) {
  // expected-error @below {{element type of 'tensor<3x4xi8>' must be float}}
  %y = graph.matmul %a, %b : (tensor<3x4xi8>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @embedding_c1(%ids: tensor<?xi64>, %table: tensor<16x4xf32>) {
  // expected-error @below {{indices 'tensor<?xi64>' must be i32 of rank 1}}
  %y = graph.embedding %ids, %table : (tensor<?xi64>, tensor<16x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @embedding_c2(%ids: tensor<?xi32>, %table: tensor<16x4xf32>) {
  // expected-error @below {{result 'tensor<?x16xf32>' must have a row for each index}}
  %y = graph.embedding %ids, %table : (tensor<?xi32>, tensor<16x4xf32>) -> tensor<?x16xf32>
  return
}

// -----

func.func @gather_rows_c1(%x: tensor<?x2x4xf32>, %rows: tensor<?xi32>) {
  // expected-error @below {{rows 'tensor<?x2x4xf32>' of rank 2}}
  %y = graph.gather_rows %x at %rows : (tensor<?x2x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @gather_rows_c2(%x: tensor<?x4xf32>, %rows: tensor<?xi32>) {
  // expected-error @below {{must have the element type of x}}
  %y = graph.gather_rows %x at %rows : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xbf16>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<?x4xf32>, %w: tensor<5xf32>) {
  // expected-error @below {{weight 'tensor<5xf32>' must have an element for each in the last dimension}}
  %y = graph.rms_norm %x, %w eps 1.0e-05 : (tensor<?x4xf32>, tensor<5xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{must have the shape of x}}
  %y = graph.rms_norm %x, %w eps 1.0e-05 : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{must be positive and finite}}
  %y = graph.rms_norm %x, %w eps -1.0 : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<?x64xf32>, %p: tensor<?xi32>) {
  // expected-error @below {{must be [T, heads, D] and i32 [T]}}
  %y = graph.rope %x at %p with <default, dim = 64, theta = 1.0e+04> : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x2x64xf32>, %p: tensor<?xi32>) {
  // expected-error @below {{must have the shape of x}}
  %y = graph.rope %x at %p with <default, dim = 64, theta = 1.0e+04> : (tensor<?x2x64xf32>, tensor<?xi32>) -> tensor<?x128xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x2x64xf32>, %p: tensor<?xi32>) {
  // expected-error @below {{rotates 32 dimensions, heads of x have 64}}
  %y = graph.rope %x at %p with <default, dim = 32, theta = 1.0e+04> : (tensor<?x2x64xf32>, tensor<?xi32>) -> tensor<?x2x64xf32>
  return
}

// -----

graph.derived @rope_table_c1 : tensor<8x32x2xf32> {
  // expected-error @below {{must be f32 [8, 16, 2]}}
  %t = graph.rope_table <default, dim = 32, theta = 1.0e+04> positions 8 : tensor<8x32x2xf32>
  graph.yield %t : tensor<8x32x2xf32>
}

// -----

func.func @softmax_c1(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have the shape of x}}
  %y = graph.softmax %x axis 1 : tensor<?x4xf32> -> tensor<?x5xf32>
  return
}

// -----

func.func @softmax_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{axis 2 is out of range [0, 2)}}
  %y = graph.softmax %x axis 2 : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @reduce_c1(%x: tensor<?x4xf32>) {
  // expected-error @below {{axis -1 is out of range [0, 2)}}
  %y = graph.reduce sum %x axis -1 : tensor<?x4xf32> -> tensor<?xf32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{without dimension 1}}
  %y = graph.reduce sum %x axis 1 : tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @argmax_c1(%x: tensor<?x4xf32>) {
  // expected-error @below {{must be [R, V] and i32 [R]}}
  %y = graph.argmax %x : tensor<?x4xf32> -> tensor<?xi64>
  return
}

// -----

func.func @unary_c1(%x: tensor<?x4xf32>) {
  // expected-error @below {{must have the shape of x}}
  %y = graph.silu %x : tensor<?x4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @unary_c2(%x: tensor<?x4xi32>) {
  // expected-error @below {{must be float}}
  %y = graph.exp %x : tensor<?x4xi32> -> tensor<?x4xf32>
  return
}

// -----

func.func @binary_c1(%a: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{must have the shape of a}}
  %y = graph.add %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// The vector goes on the right.
func.func @binary_c2(%a: tensor<4xf32>, %b: tensor<?x4xf32>) {
  // expected-error @below {{or be a vector over its last dimension}}
  %y = graph.add %a, %b : (tensor<4xf32>, tensor<?x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @binary_c3(%a: tensor<4xi8>, %b: tensor<4xf32>) {
  // expected-error @below {{element type of 'tensor<4xi8>' must be float}}
  %y = graph.mul %a, %b : (tensor<4xi8>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @cast_c1(%x: tensor<4xf32>) {
  // expected-error @below {{must have the shape of x}}
  %y = graph.cast %x : tensor<4xf32> -> tensor<5xbf16>
  return
}

// -----

func.func @cast_c2(%x: tensor<4xi32>) {
  // expected-error @below {{must be float}}
  %y = graph.cast %x : tensor<4xi32> -> tensor<4xf32>
  return
}
