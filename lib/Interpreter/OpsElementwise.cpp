//===- OpsElementwise.cpp -------------------------------------------------===//

#include "Ops.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <numbers>

namespace qcc::interp {
namespace {

template <typename T, typename F> Tensor<T> mapUnary(mlir::Operation *op, const Tensor<T> &x, F f) {
  std::vector<T> y(x.data().begin(), x.data().end());
  for (T &value : y)
    value = f(value);
  return finish<T>(op->getResult(0), x.shape, std::move(y));
}

/// b has a's shape or is a vector over its last dimension.
template <typename T, typename F>
Tensor<T> mapBinary(mlir::Operation *op, const Tensor<T> &a, const Tensor<T> &b, F f) {
  std::vector<T> y(a.data().begin(), a.data().end());
  std::span<const T> right = b.data();
  if (a.shape == b.shape)
    for (size_t i = 0; i < y.size(); ++i)
      y[i] = f(y[i], right[i]);
  else
    for (size_t i = 0; i < y.size(); ++i)
      y[i] = f(y[i], right[i % right.size()]);
  return finish<T>(op->getResult(0), a.shape, std::move(y));
}

template <typename T> T gelu(T x, bool approximate) {
  if (!approximate)
    return T(0.5) * x * (1 + std::erf(x / std::numbers::sqrt2_v<T>));
  T inner = std::sqrt(T(2) / std::numbers::pi_v<T>) * (x + T(0.044715) * x * x * x);
  return T(0.5) * x * (1 + std::tanh(inner));
}

} // namespace

template <typename T> Tensor<T> evalUnary(mlir::Operation *op, const Tensor<T> &x) {
  auto map = [&](auto f) { return mapUnary(op, x, f); };
  return llvm::TypeSwitch<mlir::Operation *, Tensor<T>>(op)
      .template Case<graph::SiluOp>([&](auto) { return map([](T v) { return v / (1 + std::exp(-v)); }); })
      .template Case<graph::GeluOp>([&](auto op) {
        bool approximate = op.getApproximate();
        return map([=](T v) { return gelu(v, approximate); });
      })
      .template Case<graph::ReluOp>([&](auto) { return map([](T v) { return v < 0 ? T(0) : v; }); })
      .template Case<graph::SigmoidOp>([&](auto) { return map([](T v) { return 1 / (1 + std::exp(-v)); }); })
      .template Case<graph::TanhOp>([&](auto) { return map([](T v) { return std::tanh(v); }); })
      .template Case<graph::ExpOp>([&](auto) { return map([](T v) { return std::exp(v); }); })
      .template Case<graph::NegOp>([&](auto) { return map([](T v) { return -v; }); })
      .template Case<graph::SqrtOp>([&](auto) { return map([](T v) { return std::sqrt(v); }); })
      .template Case<graph::RsqrtOp>([&](auto) { return map([](T v) { return 1 / std::sqrt(v); }); });
}

template <typename T> Tensor<T> evalBinary(mlir::Operation *op, const Tensor<T> &a, const Tensor<T> &b) {
  auto map = [&](auto f) { return mapBinary(op, a, b, f); };
  return llvm::TypeSwitch<mlir::Operation *, Tensor<T>>(op)
      .template Case<graph::AddOp>([&](auto) { return map([](T l, T r) { return l + r; }); })
      .template Case<graph::SubOp>([&](auto) { return map([](T l, T r) { return l - r; }); })
      .template Case<graph::MulOp>([&](auto) { return map([](T l, T r) { return l * r; }); })
      .template Case<graph::DivOp>([&](auto) { return map([](T l, T r) { return l / r; }); })
      .template Case<graph::MaxOp>([&](auto) { return map([](T l, T r) { return larger(l, r); }); })
      .template Case<graph::MinOp>([&](auto) { return map([](T l, T r) { return -larger(-l, -r); }); });
}

template <typename T> Tensor<T> evalCast(graph::CastOp op, const Tensor<T> &x) {
  DType type = resultType(op.getY());
  if (type == DType::F32 || type == x.type)
    return {type, x.shape, x.values, nullptr}; // widening: the numbers are already of the type
  return finish<T>(op.getY(), x.shape, {x.data().begin(), x.data().end()});
}

template Tensor<float> evalUnary(mlir::Operation *, const Tensor<float> &);
template Tensor<double> evalUnary(mlir::Operation *, const Tensor<double> &);
template Tensor<float> evalBinary(mlir::Operation *, const Tensor<float> &, const Tensor<float> &);
template Tensor<double> evalBinary(mlir::Operation *, const Tensor<double> &, const Tensor<double> &);
template Tensor<float> evalCast(graph::CastOp, const Tensor<float> &);
template Tensor<double> evalCast(graph::CastOp, const Tensor<double> &);

} // namespace qcc::interp
