//===- GraphAttrs.cpp - Schemes, rotary embeddings, layouts ---------------===//

#include "qcc/Dialect/Graph/GraphDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <bit>

using namespace mlir;
using namespace qcc;
using namespace qcc::graph;

llvm::hash_code qcc::hash_value(const RopeSpec &spec) {
  auto bits = [](double value) { return std::bit_cast<uint64_t>(value); };
  return llvm::hash_combine(int(spec.kind), spec.dim, bits(spec.theta), bits(spec.factor), bits(spec.lowFreqFactor),
                            bits(spec.highFreqFactor), bits(spec.originalContext), bits(spec.betaFast),
                            bits(spec.betaSlow), spec.truncate, bits(spec.attentionFactor));
}

#define GET_ATTRDEF_CLASSES
#include "qcc/Dialect/Graph/GraphAttrs.cpp.inc"

void GraphDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qcc/Dialect/Graph/GraphAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// #graph.scheme
//===----------------------------------------------------------------------===//

SchemeAttr SchemeAttr::getSimple(Type storage, Granularity granularity, Type scale, bool dynamic) {
  return get(storage.getContext(), storage, granularity, 0, 0, 0, scale, Type(), Type(), dynamic);
}

SchemeAttr SchemeAttr::getGroup(Type storage, int64_t groupSize, Type scale, bool dynamic) {
  return get(storage.getContext(), storage, Granularity::group, groupSize, 0, 0, scale, Type(), Type(), dynamic);
}

SchemeAttr SchemeAttr::getBlock(Type storage, int64_t rows, int64_t columns, Type scale) {
  return get(storage.getContext(), storage, Granularity::block, 0, rows, columns, scale, Type(), Type(), false);
}

SchemeAttr SchemeAttr::withZeroPoint() const {
  return get(getContext(), getStorage(), getGranularity(), getGroupSize(), getBlockRows(), getBlockColumns(),
             getScale(), getStorage(), getSecond(), getDynamic());
}

static int64_t divideUp(int64_t value, int64_t divisor) {
  return ShapedType::isDynamic(value) ? value : (value + divisor - 1) / divisor;
}

SmallVector<int64_t> SchemeAttr::getScaleShape(ArrayRef<int64_t> shape) const {
  switch (getGranularity()) {
  case Granularity::tensor:
    return {};
  case Granularity::channel:
  case Granularity::token:
    return {shape[0]};
  case Granularity::group:
    return {shape[0], divideUp(shape[1], getGroupSize())};
  case Granularity::block:
    return {divideUp(shape[0], getBlockRows()), divideUp(shape[1], getBlockColumns())};
  }
  llvm_unreachable("all granularities are handled");
}

LogicalResult SchemeAttr::verify(function_ref<InFlightDiagnostic()> emitError, Type storage, Granularity granularity,
                                 int64_t groupSize, int64_t blockRows, int64_t blockColumns, Type scale, Type zeroPoint,
                                 Type second, bool dynamic) {
  // scheme_c1
  bool isCode = llvm::any_of(ArrayRef<unsigned>{2, 3, 4, 8}, [&](unsigned bits) { return storage.isInteger(bits); });
  if (!isCode && !isa<Float8E4M3FNType, Float8E5M2Type, Float4E2M1FNType>(storage))
    return emitError() << "storage type " << storage << " must be i2, i3, i4, i8, f8E4M3FN, f8E5M2 or f4E2M1FN";
  // scheme_c2
  if (!isa<Float32Type, BFloat16Type, Float16Type, Float8E4M3FNType, Float8E8M0FNUType>(scale))
    return emitError() << "scale type " << scale << " must be f32, bf16, f16, f8E4M3FN or f8E8M0FNU";
  // scheme_c3
  if (granularity == Granularity::group && groupSize <= 0)
    return emitError() << "group size " << groupSize << " must be positive";
  if (granularity == Granularity::block && (blockRows <= 0 || blockColumns <= 0))
    return emitError() << "block [" << blockRows << ", " << blockColumns << "] must have positive extents";
  // scheme_c4
  if (zeroPoint && !isa<IntegerType>(storage))
    return emitError() << "storage type " << storage << " must not have a zero point; only integers may";
  if (zeroPoint && zeroPoint != storage)
    return emitError() << "zero point type " << zeroPoint << " must be the storage type " << storage;
  // scheme_c5
  if (dynamic && (granularity == Granularity::channel || granularity == Granularity::block))
    return emitError() << "a dynamic scheme must be per tensor, token or group, is per "
                       << stringifyGranularity(granularity);
  if (dynamic && zeroPoint)
    return emitError() << "a dynamic scheme must not have a zero point";
  return success();
}

/// What may follow `granularity`: `scale = T`, `zero_point = T`, `second = T`, `dynamic`.
static ParseResult parseSchemeFields(AsmParser &parser, Type &scale, Type &zeroPoint, Type &second, bool &dynamic) {
  while (succeeded(parser.parseOptionalComma())) {
    StringRef field;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&field))
      return failure();
    if (field == "dynamic") {
      dynamic = true;
      continue;
    }
    if (parser.parseEqual())
      return failure();
    Type *type = field == "scale" ? &scale : field == "zero_point" ? &zeroPoint : field == "second" ? &second : nullptr;
    if (!type)
      return parser.emitError(loc) << "unknown field '" << field << "'; must be scale, zero_point, second or dynamic";
    if (parser.parseType(*type))
      return failure();
  }
  return success();
}

Attribute SchemeAttr::parse(AsmParser &parser, Type) {
  Type storage, scale, zeroPoint, second;
  StringRef keyword;
  int64_t groupSize = 0, blockRows = 0, blockColumns = 0;
  bool dynamic = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseType(storage) || parser.parseComma() || parser.parseKeyword(&keyword))
    return {};
  auto granularity = symbolizeGranularity(keyword);
  if (!granularity) {
    parser.emitError(loc) << "unknown granularity '" << keyword << "'; must be tensor, channel, token, group or block";
    return {};
  }
  if (*granularity == Granularity::group && (parser.parseEqual() || parser.parseInteger(groupSize)))
    return {};
  if (*granularity == Granularity::block &&
      (parser.parseEqual() || parser.parseLSquare() || parser.parseInteger(blockRows) || parser.parseComma() ||
       parser.parseInteger(blockColumns) || parser.parseRSquare()))
    return {};
  if (parseSchemeFields(parser, scale, zeroPoint, second, dynamic) || parser.parseGreater())
    return {};
  if (!scale) {
    parser.emitError(loc) << "a scheme must state its scale type: scale = TYPE";
    return {};
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), storage, *granularity, groupSize,
                    blockRows, blockColumns, scale, zeroPoint, second, dynamic);
}

void SchemeAttr::print(AsmPrinter &printer) const {
  printer << "<" << getStorage() << ", " << stringifyGranularity(getGranularity());
  if (getGranularity() == Granularity::group)
    printer << " = " << getGroupSize();
  if (getGranularity() == Granularity::block)
    printer << " = [" << getBlockRows() << ", " << getBlockColumns() << "]";
  printer << ", scale = " << getScale();
  if (getZeroPoint())
    printer << ", zero_point = " << getZeroPoint();
  if (getSecond())
    printer << ", second = " << getSecond();
  if (getDynamic())
    printer << ", dynamic";
  printer << ">";
}

//===----------------------------------------------------------------------===//
// #graph.rope
//===----------------------------------------------------------------------===//

namespace {
struct RopeField {
  StringRef name;
  double RopeSpec::*member;
};

constexpr StringRef kRopeKinds[] = {"default", "linear", "llama3", "yarn"};

/// Floating-point fields of a kind, in printed order; all are required.
SmallVector<RopeField> ropeFields(RopeKind kind) {
  RopeField theta{"theta", &RopeSpec::theta}, factor{"factor", &RopeSpec::factor},
      original{"original", &RopeSpec::originalContext};
  switch (kind) {
  case RopeKind::Default:
    return {theta};
  case RopeKind::Linear:
    return {theta, factor};
  case RopeKind::Llama3:
    return {theta,
            factor,
            {"low_freq_factor", &RopeSpec::lowFreqFactor},
            {"high_freq_factor", &RopeSpec::highFreqFactor},
            original};
  case RopeKind::Yarn:
    return {theta,
            factor,
            original,
            {"beta_fast", &RopeSpec::betaFast},
            {"beta_slow", &RopeSpec::betaSlow},
            {"attention_factor", &RopeSpec::attentionFactor}};
  }
  llvm_unreachable("all kinds are handled");
}
} // namespace

LogicalResult RopeAttr::verify(function_ref<InFlightDiagnostic()> emitError, RopeSpec spec) {
  // rope_attr_c1
  if (std::string message = check(spec); !message.empty())
    return emitError() << message;
  return success();
}

Attribute RopeAttr::parse(AsmParser &parser, Type) {
  RopeSpec spec;
  StringRef kind;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&kind))
    return {};
  const auto *found = llvm::find(kRopeKinds, kind);
  if (found == std::end(kRopeKinds)) {
    parser.emitError(loc) << "unknown rotary embedding '" << kind << "'; must be default, linear, llama3 or yarn";
    return {};
  }
  spec.kind = RopeKind(found - std::begin(kRopeKinds));
  if (parser.parseComma() || parser.parseKeyword("dim") || parser.parseEqual() || parser.parseInteger(spec.dim))
    return {};
  for (const RopeField &field : ropeFields(spec.kind))
    if (parser.parseComma() || parser.parseKeyword(field.name) || parser.parseEqual() ||
        parser.parseFloat(spec.*field.member))
      return {};
  if (spec.kind == RopeKind::Yarn && succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword("no_truncate"))
      return {};
    spec.truncate = false;
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), spec);
}

void RopeAttr::print(AsmPrinter &printer) const {
  const RopeSpec &spec = getSpec();
  printer << "<" << kRopeKinds[int(spec.kind)] << ", dim = " << spec.dim;
  for (const RopeField &field : ropeFields(spec.kind)) {
    printer << ", " << field.name << " = ";
    printer.printFloat(APFloat(spec.*field.member));
  }
  if (spec.kind == RopeKind::Yarn && !spec.truncate)
    printer << ", no_truncate";
  printer << ">";
}

//===----------------------------------------------------------------------===//
// #graph.layout
//===----------------------------------------------------------------------===//

static bool isSparse24Format(FragmentFormat format) {
  return format == FragmentFormat::bf16_24 || format == FragmentFormat::e4m3_24 || format == FragmentFormat::s8_24;
}

bool LayoutAttr::isSparse24() const { return getFormat() && isSparse24Format(*getFormat()); }

Type LayoutAttr::getElementType() const {
  switch (getKind()) {
  case LayoutKind::scales_channel:
  case LayoutKind::scales_block:
    return Float32Type::get(getContext());
  case LayoutKind::scales_group:
    return BFloat16Type::get(getContext());
  case LayoutKind::zeros_group:
    return IntegerType::get(getContext(), 4);
  case LayoutKind::fragment:
  case LayoutKind::metadata24:
    break;
  }
  switch (*getFormat()) {
  case FragmentFormat::bf16:
  case FragmentFormat::bf16_24:
    return BFloat16Type::get(getContext());
  case FragmentFormat::e4m3:
  case FragmentFormat::e4m3_24:
    return Float8E4M3FNType::get(getContext());
  case FragmentFormat::s8:
  case FragmentFormat::s8_bf16:
  case FragmentFormat::s8_24:
    return IntegerType::get(getContext(), 8);
  case FragmentFormat::s4:
  case FragmentFormat::s4_e4m3:
    return IntegerType::get(getContext(), 4);
  }
  llvm_unreachable("all formats are handled");
}

int64_t LayoutAttr::getPackedBytes(ArrayRef<int64_t> shape) const {
  // Rows (and a fragment's columns) are padded to the extent of a kernel's smallest block.
  auto padded = [](int64_t extent) { return (extent + 63) / 64 * 64; };
  unsigned bits = getElementType().getIntOrFloatBitWidth();
  switch (getKind()) {
  case LayoutKind::fragment:
    return padded(shape[0]) * padded(shape[1]) * bits / 8 / (isSparse24() ? 2 : 1);
  case LayoutKind::metadata24: // two bits for each of the two values kept of four
    return padded(shape[0]) * padded(shape[1]) / 8;
  case LayoutKind::scales_channel:
    return padded(shape[0]) * bits / 8;
  case LayoutKind::scales_group:
    return padded(shape[0]) * shape[1] * bits / 8;
  case LayoutKind::zeros_group: // as bf16
    return padded(shape[0]) * shape[1] * 2;
  case LayoutKind::scales_block:
    return shape[0] * shape[1] * bits / 8;
  }
  llvm_unreachable("all kinds are handled");
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, LayoutKind kind,
                                 std::optional<FragmentFormat> format) {
  // layout_c1
  if (format.has_value() != (kind == LayoutKind::fragment || kind == LayoutKind::metadata24))
    return emitError() << "a format must be given exactly for the layouts 'fragment' and 'metadata24'";
  // layout_c2
  if (kind == LayoutKind::metadata24 && !isSparse24Format(*format))
    return emitError() << "the format of 'metadata24' must be bf16_24, e4m3_24 or s8_24, is "
                       << stringifyFragmentFormat(*format);
  return success();
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  auto kind = symbolizeLayoutKind(keyword);
  if (!kind) {
    parser.emitError(loc)
        << "unknown layout '" << keyword
        << "'; must be fragment, scales_channel, scales_group, scales_block, zeros_group or metadata24";
    return {};
  }
  std::optional<FragmentFormat> format;
  if (succeeded(parser.parseOptionalComma())) {
    if (parser.parseKeyword(&keyword))
      return {};
    format = symbolizeFragmentFormat(keyword);
    if (!format) {
      parser.emitError(loc) << "unknown fragment format '" << keyword
                            << "'; must be bf16, e4m3, s4, s8, s8_bf16, s4_e4m3, bf16_24, e4m3_24 or s8_24";
      return {};
    }
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), *kind, format);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << "<" << stringifyLayoutKind(getKind());
  if (getFormat())
    printer << ", " << stringifyFragmentFormat(*getFormat());
  printer << ">";
}
