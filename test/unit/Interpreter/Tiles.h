//===- Tiles.h - Derived bytes, tile by tile ----------------------*- C++ -*-===//
#ifndef QCC_TEST_UNIT_INTERPRETER_TILES_H
#define QCC_TEST_UNIT_INTERPRETER_TILES_H

#include "qcc/Interpreter/Derivation.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace qcc::test {

/// All results, assembled from tiles of `rows` rows; each byte must be written exactly once.
inline std::vector<std::vector<std::byte>> assemble(const interp::Derivation &derivation, int64_t rows) {
  std::vector<std::vector<std::byte>> results;
  std::vector<std::vector<int>> written;
  for (unsigned i = 0; i < derivation.resultCount(); ++i) {
    results.emplace_back(derivation.byteCount(i));
    written.emplace_back(derivation.byteCount(i));
  }
  for (int64_t begin = 0; begin < derivation.rows(); begin += rows) {
    auto pieces = derivation.evaluate(begin, std::min(begin + rows, derivation.rows()));
    EXPECT_TRUE(pieces) << pieces.error().message;
    if (!pieces)
      return results;
    for (const interp::DerivedPiece &piece : *pieces)
      for (size_t i = 0; i < piece.bytes.size(); ++i) {
        results[piece.result].at(piece.offset + i) = piece.bytes[i];
        ++written[piece.result].at(piece.offset + i);
      }
  }
  for (const std::vector<int> &counts : written)
    for (int count : counts)
      EXPECT_EQ(count, 1);
  return results;
}

template <typename T> std::vector<std::byte> bytesOf(const std::vector<T> &values) {
  auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

} // namespace qcc::test

#endif // QCC_TEST_UNIT_INTERPRETER_TILES_H
