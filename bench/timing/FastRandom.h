//===- FastRandom.h - Gigabytes of random operands ----------------*- C++ -*-===//
#ifndef QCC_BENCH_TIMING_FASTRANDOM_H
#define QCC_BENCH_TIMING_FASTRANDOM_H

#include "Problem.h"

#include <cstring>

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
  Bytes bf16(size_t count) { return words(count * 2, 0x83ff83ff83ff83ff, 0x3c003c003c003c00); }
  /// Finite values of magnitude below 2, either sign.
  Bytes e4m3(size_t count) { return words(count, 0xbfbfbfbfbfbfbfbf, 0); }
  Bytes floats(size_t count, double low, double high) {
    Bytes bytes(count * sizeof(float));
    for (size_t i = 0; i < count; ++i) {
      float value = float(low + (high - low) * uniform());
      std::memcpy(&bytes[i * sizeof value], &value, sizeof value);
    }
    return bytes;
  }

private:
  Bytes words(size_t bytes, uint64_t mask, uint64_t set) {
    Bytes data((bytes + 7) / 8 * 8);
    for (size_t i = 0; i < data.size(); i += 8) {
      uint64_t word = (next() & mask) | set;
      std::memcpy(&data[i], &word, 8);
    }
    data.resize(bytes);
    return data;
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
