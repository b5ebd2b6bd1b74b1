//===- Materialize.cpp - Weights from derivations into the file -----------===//

#include "Materialize.h"

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Interpreter/Derivation.h"
#include "qcc/Support/Parallel.h"

#include "llvm/ADT/MapVector.h"

#include <map>
#include <mutex>

using namespace mlir;

namespace qcc {
namespace {

/// Rows of a tile: enough work to hide the cost of a tile, a few MB for the widest layers.
constexpr int64_t kTileRows = 256;

/// A derivation and which constant each of its results is, or none.
struct Source {
  std::map<unsigned, size_t> constantOf;
  std::optional<interp::Derivation> derivation;
};

struct Tile {
  const Source *source;
  int64_t begin, end;
};

Status writeValue(const engine::ConstantOp &op, size_t index, engine_file::EngineWriter &writer) {
  auto values = cast<DenseElementsAttr>(engine::ConstantOp(op).getValueAttr());
  std::vector<float> numbers(values.getValues<float>().begin(), values.getValues<float>().end());
  return writer.writeConstant(index, 0, std::as_bytes(std::span(numbers)));
}

} // namespace

Status materialize(ModuleOp module, const BuiltPlan &built, const ParameterSource &source,
                   engine_file::EngineWriter &writer, unsigned threads, ProgressMode mode) {
  SymbolTable symbols(module);
  llvm::MapVector<Operation *, Source> sources;
  uint64_t total = 0;
  for (auto [index, op] : llvm::enumerate(built.constantOps)) {
    engine::ConstantOp constant = op;
    if (constant.getValue()) {
      if (Status s = writeValue(constant, index, writer); !s)
        return s;
      continue;
    }
    sources[symbols.lookup(*constant.getSource())].constantOf[unsigned(*constant.getResult())] = index;
    total += constant.getBytes();
  }

  std::vector<Tile> tiles;
  for (auto &[op, one] : sources) {
    Expected<interp::Derivation> derivation = interp::Derivation::create(op, source);
    if (!derivation)
      return derivation.takeError();
    one.derivation = std::move(*derivation);
    for (auto [result, index] : one.constantOf)
      if (one.derivation->byteCount(result) != built.constants[index].bytes)
        return Error{"constant '" + built.constants[index].name + "': its derivation gives " +
                         std::to_string(one.derivation->byteCount(result)) + " bytes, the plan says " +
                         std::to_string(built.constants[index].bytes),
                     ExitCode::Internal};
    int64_t multiple = one.derivation->rowMultiple(), rows = (kTileRows + multiple - 1) / multiple * multiple;
    for (int64_t begin = 0; begin < one.derivation->rows(); begin += rows)
      tiles.push_back({&one, begin, std::min(begin + rows, one.derivation->rows())});
  }

  Progress progress("weights", total, mode, /*bytes=*/true);
  std::mutex mutex;
  std::optional<std::pair<int64_t, Error>> first; // by tile, so that the message does not depend on the threads
  parallelFor(0, int64_t(tiles.size()), 1, threads, [&](int64_t number, int64_t) {
    {
      std::lock_guard lock(mutex);
      if (first && first->first < number)
        return;
    }
    const Tile &tile = tiles[number];
    Status status;
    uint64_t written = 0;
    if (auto pieces = tile.source->derivation->evaluate(tile.begin, tile.end); !pieces) {
      status = pieces.takeError();
    } else {
      for (const interp::DerivedPiece &piece : *pieces) {
        auto constant = tile.source->constantOf.find(piece.result);
        if (constant == tile.source->constantOf.end())
          continue;
        status = writer.writeConstant(constant->second, piece.offset, piece.bytes);
        if (!status)
          break;
        written += piece.bytes.size();
      }
    }
    progress.advance(written);
    if (!status) {
      std::lock_guard lock(mutex);
      if (!first || number < first->first)
        first = {number, status.takeError()};
    }
  });
  if (first)
    return first->second;
  return {};
}

} // namespace qcc
