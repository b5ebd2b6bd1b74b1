//===- FastRandom.h - Gigabytes of random operands ----------------*- C++ -*-===//
#ifndef QCC_BENCH_TIMING_FASTRANDOM_H
#define QCC_BENCH_TIMING_FASTRANDOM_H

#include "Problem.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace qcc::bench {

/// Marsaglia's xorshift64*: fast enough to fill a gigabyte in a second, and without structure that a kernel could
/// profit from.
class FastRandom {
public:
  explicit FastRandom(uint64_t seed) : state(seed * 2 + 1) {}

  uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d;
  }
  int64_t below(int64_t limit) { return int64_t((next() >> 33) % uint64_t(limit)); }
  /// [0, 1)
  double uniform() { return double(next() >> 11) * 0x1p-53; }

  /// Finite values of magnitude 2^-7 to 2, either sign.
  void fillBF16(std::span<uint8_t> bytes) { fill(bytes, 0x83ff83ff83ff83ff, 0x3c003c003c003c00); }
  Bytes bf16(size_t count) {
    Bytes bytes(count * 2);
    fillBF16(bytes);
    return bytes;
  }
  /// Finite values of magnitude below 2, either sign.
  void fillE4M3(std::span<uint8_t> bytes) { fill(bytes, 0xbfbfbfbfbfbfbfbf, 0); }
  Bytes e4m3(size_t count) {
    Bytes bytes(count);
    fillE4M3(bytes);
    return bytes;
  }
  /// Codes of weights: all of 8 bits.
  void fillS8(std::span<uint8_t> bytes) { fill(bytes, ~uint64_t(0), 0); }
  /// -8 to 7, one per byte.
  void fillS4(std::span<uint8_t> bytes) {
    fill(bytes, 0x0f0f0f0f0f0f0f0f, 0);
    for (uint8_t &code : bytes)
      code = uint8_t(code - 8);
  }
  /// Codes of activations, keys and values: -127 to 127.
  Bytes symmetricS8(size_t count) {
    Bytes bytes(count);
    fillS8(bytes);
    for (uint8_t &code : bytes)
      code = code == 0x80 ? 0x7f : code;
    return bytes;
  }
  Bytes floats(size_t count, double low, double high) {
    Bytes bytes(count * sizeof(float));
    for (size_t i = 0; i < count; ++i) {
      float value = float(low + (high - low) * uniform());
      std::memcpy(&bytes[i * sizeof value], &value, sizeof value);
    }
    return bytes;
  }

private:
  void fill(std::span<uint8_t> bytes, uint64_t mask, uint64_t set) {
    for (size_t i = 0; i < bytes.size(); i += 8) {
      uint64_t word = (next() & mask) | set;
      std::memcpy(&bytes[i], &word, std::min<size_t>(8, bytes.size() - i));
    }
  }
  uint64_t state;
};

/// Element `index` of an array of T in bytes.
template <typename T> T element(const Bytes &bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T> Bytes toBytes(const std::vector<T> &values) {
  Bytes bytes(values.size() * sizeof(T));
  if (!values.empty())
    std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

} // namespace qcc::bench

#endif // QCC_BENCH_TIMING_FASTRANDOM_H
