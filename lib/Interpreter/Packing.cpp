//===- Packing.cpp - graph.pack as bytes ----------------------------------===//

#include "Packing.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Support/Text.h"

namespace qcc::interp {
namespace {

quant::FragmentFormat quantFormat(graph::FragmentFormat format) {
  switch (format) {
  case graph::FragmentFormat::bf16:
    return quant::FragmentFormat::BF16;
  case graph::FragmentFormat::e4m3:
    return quant::FragmentFormat::E4M3;
  case graph::FragmentFormat::s4:
    return quant::FragmentFormat::S4;
  case graph::FragmentFormat::s8:
    return quant::FragmentFormat::S8;
  case graph::FragmentFormat::s8_bf16:
    return quant::FragmentFormat::S8ToBF16;
  case graph::FragmentFormat::s4_e4m3:
    return quant::FragmentFormat::S4ToE4M3;
  case graph::FragmentFormat::bf16_24:
    return quant::FragmentFormat::BF16Sparse;
  case graph::FragmentFormat::e4m3_24:
    return quant::FragmentFormat::E4M3Sparse;
  case graph::FragmentFormat::s8_24:
    return quant::FragmentFormat::S8Sparse;
  }
  llvm_unreachable("unknown fragment format");
}

template <typename T> std::span<const T> spanAs(const std::vector<std::byte> &bytes) {
  return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
}

/// Values of a weight in fragment order.
Status packFragments(quant::FragmentFormat format, const std::vector<std::byte> &codes, int64_t rows, int64_t cols,
                     int64_t firstRow, std::span<uint8_t> out) {
  auto bf16 = spanAs<uint16_t>(codes);
  auto e4m3 = spanAs<uint8_t>(codes);
  auto integers = spanAs<int8_t>(codes);
  switch (format) {
  case quant::FragmentFormat::BF16:
    return quant::packFragmentsBF16(bf16, rows, cols, out), Status();
  case quant::FragmentFormat::E4M3:
    return quant::packFragmentsE4M3(e4m3, rows, cols, out), Status();
  case quant::FragmentFormat::S8:
    return quant::packFragmentsS8(integers, rows, cols, out), Status();
  case quant::FragmentFormat::S4:
    return quant::packFragmentsS4(integers, rows, cols, out), Status();
  case quant::FragmentFormat::S8ToBF16:
    return quant::packFragmentsS8ToBF16(integers, rows, cols, out), Status();
  case quant::FragmentFormat::S4ToE4M3:
    return quant::packFragmentsS4ToE4M3(integers, rows, cols, out), Status();
  case quant::FragmentFormat::BF16Sparse:
    return quant::packFragmentsBF16Sparse(bf16, rows, cols, out, firstRow);
  case quant::FragmentFormat::E4M3Sparse:
    return quant::packFragmentsE4M3Sparse(e4m3, rows, cols, out, firstRow);
  case quant::FragmentFormat::S8Sparse:
    return quant::packFragmentsS8Sparse(integers, rows, cols, out, firstRow);
  }
  llvm_unreachable("unknown fragment format");
}

Status packMetadata(quant::FragmentFormat format, const std::vector<std::byte> &codes, int64_t rows, int64_t cols,
                    int64_t firstRow, std::span<uint8_t> out) {
  switch (format) {
  case quant::FragmentFormat::BF16Sparse:
    return quant::packMetadataBF16(spanAs<uint16_t>(codes), rows, cols, out, firstRow);
  case quant::FragmentFormat::E4M3Sparse:
    return quant::packMetadataE4M3(spanAs<uint8_t>(codes), rows, cols, out, firstRow);
  default:
    assert(format == quant::FragmentFormat::S8Sparse && "graph.layout's verifier admits 2:4 formats alone");
    return quant::packMetadataS8(spanAs<int8_t>(codes), rows, cols, out, firstRow);
  }
}

/// Rows [begin, end) of each group of a [groups][padded rows] layout of two-byte values.
void addGroups(unsigned result, graph::PackOp op, std::span<const uint16_t> packed, int64_t begin, int64_t end,
               std::vector<DerivedPiece> &pieces) {
  auto shape = mlir::cast<mlir::RankedTensorType>(op.getX().getType()).getShape();
  int64_t total = quant::paddedRows(shape[0]), padded = end - begin;
  for (int64_t g = 0; g < shape[1]; ++g) {
    auto row = std::as_bytes(packed.subspan(size_t(g * padded), size_t(padded)));
    pieces.push_back({result, uint64_t(g * total + begin) * sizeof(uint16_t), {row.begin(), row.end()}});
  }
}

} // namespace

Status packRows(unsigned result, graph::PackOp op, const Tensor<float> &x, int64_t begin, int64_t end,
                std::vector<DerivedPiece> &pieces) {
  graph::LayoutAttr layout = op.getLayout();
  int64_t rows = x.shape[0], columns = x.columns(), padded = end - begin;
  std::vector<std::byte> codes = encode(x.type, x.data());
  switch (layout.getKind()) {
  case graph::LayoutKind::fragment:
  case graph::LayoutKind::metadata24: {
    quant::FragmentFormat format = quantFormat(*layout.getFormat());
    bool isMetadata = layout.getKind() == graph::LayoutKind::metadata24;
    auto bytesOf = [&](int64_t n) {
      return size_t(isMetadata ? quant::metadataBytes(n, columns) : quant::packedBytes(format, n, columns));
    };
    DerivedPiece piece{result, bytesOf(begin), std::vector<std::byte>(bytesOf(padded))};
    std::span<uint8_t> out{reinterpret_cast<uint8_t *>(piece.bytes.data()), piece.bytes.size()};
    Status packed = isMetadata ? packMetadata(format, codes, rows, columns, begin, out)
                               : packFragments(format, codes, rows, columns, begin, out);
    if (!packed)
      return Error{text("derivation ", quote(op->getParentOfType<graph::DerivedOp>().getSymName().str()),
                        " is marked 2:4 sparse: ", packed.error().message),
                   packed.error().code};
    pieces.push_back(std::move(piece));
    return {};
  }
  case graph::LayoutKind::scales_channel: {
    std::vector<float> out(size_t(padded), 0.0f);
    quant::packChannelScales(x.data(), out);
    pieces.push_back({result, uint64_t(begin) * sizeof(float), encode(DType::F32, out)});
    return {};
  }
  case graph::LayoutKind::scales_group: {
    std::vector<uint16_t> out(size_t(columns * padded));
    quant::packGroupScales(spanAs<uint16_t>(codes), rows, columns, out);
    addGroups(result, op, out, begin, end, pieces);
    return {};
  }
  case graph::LayoutKind::zeros_group: {
    std::vector<uint16_t> out(size_t(columns * padded));
    quant::packGroupZeros(spanAs<int8_t>(codes), rows, columns, out);
    addGroups(result, op, out, begin, end, pieces);
    return {};
  }
  case graph::LayoutKind::scales_block:
    pieces.push_back({result, uint64_t(begin * columns) * sizeof(float), std::move(codes)});
    return {};
  }
  llvm_unreachable("unknown layout");
}

} // namespace qcc::interp
