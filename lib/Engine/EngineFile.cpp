//===- EngineFile.cpp -----------------------------------------------------===//

#include "qcc/Engine/EngineFile.h"
#include "PlanWriter.h"

#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Text.h"
#include "qccrt/engine_format.h"
#include "qccrt/plan_verify.h"
#include "qccrt/sha256.h"

#include <atomic>
#include <cstring>

namespace qcc::engine_file {
namespace {

using namespace qccrt;

Error internal(const std::string &message) { return {"engine writer: " + message, ExitCode::Internal}; }

template <typename T> std::span<const std::byte> bytesOf(const T &object) {
  return std::as_bytes(std::span(object.data(), object.size()));
}

} // namespace

struct EngineWriter::State {
  State(AtomicFile file, std::vector<Constant> constants) : file(std::move(file)), constants(std::move(constants)) {}

  Status written(uint64_t offset, uint64_t bytes);
  Status digestChunk(uint64_t chunk);
  Status checkComplete() const;
  std::string packKernels(const Plan &plan);
  std::vector<SectionEntry> layOut(const std::string &plan, const std::string &kernels) const;

  AtomicFile file;
  std::vector<Constant> constants;
  Placement placement;
  uint64_t weightBytes = 0;
  /// Bytes still to come; the thread that brings a chunk to zero hashes it while it is warm.
  std::unique_ptr<std::atomic<uint64_t>[]> constantLeft, chunkLeft;
  std::vector<Digest> digests; ///< of each chunk
};

EngineWriter::EngineWriter(std::unique_ptr<State> state) : state(std::move(state)) {}
EngineWriter::EngineWriter(EngineWriter &&) noexcept = default;
EngineWriter::~EngineWriter() = default;

Expected<EngineWriter> EngineWriter::create(const std::string &path, std::vector<Constant> constants,
                                            std::span<const FileIdentity> inputs) {
  auto file = AtomicFile::create(path, inputs);
  if (!file)
    return file.takeError();
  auto state = std::make_unique<State>(std::move(*file), std::move(constants));
  size_t count = state->constants.size();
  state->constantLeft = std::make_unique<std::atomic<uint64_t>[]>(count);
  uint64_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    uint64_t offset = alignUp(end, kConstantAlign), bytes = state->constants[i].bytes;
    if (bytes == 0 || bytes > (uint64_t(1) << 46))
      return internal(text("constant '", state->constants[i].name, "' has ", bytes, " bytes"));
    state->placement.constants.push_back(offset);
    state->constantLeft[i] = bytes;
    end = offset + bytes;
  }
  state->weightBytes = end;
  size_t chunks = (end + kChunkBytes - 1) / kChunkBytes;
  state->digests.resize(chunks);
  state->chunkLeft = std::make_unique<std::atomic<uint64_t>[]>(chunks);
  for (size_t i = 0; i < chunks; ++i)
    state->chunkLeft[i] = std::min(kChunkBytes, end - i * kChunkBytes);
  if (Status status = state->file.reserve(kHeaderBytes + end); !status)
    return status.takeError();
  // The padding before each constant is zero already (the file is new) and counts as written.
  end = 0;
  for (size_t i = 0; i < count; ++i) {
    uint64_t offset = state->placement.constants[i];
    if (Status status = state->written(end, offset - end); !status)
      return status.takeError();
    end = offset + state->constants[i].bytes;
  }
  return EngineWriter(std::move(state));
}

Status EngineWriter::State::written(uint64_t offset, uint64_t bytes) {
  while (bytes) {
    uint64_t chunk = offset / kChunkBytes, part = std::min(bytes, (chunk + 1) * kChunkBytes - offset);
    if (chunkLeft[chunk].fetch_sub(part) == part)
      if (Status status = digestChunk(chunk); !status)
        return status;
    offset += part, bytes -= part;
  }
  return {};
}

Status EngineWriter::State::digestChunk(uint64_t chunk) {
  uint64_t begin = chunk * kChunkBytes;
  std::vector<std::byte> bytes(std::min(kChunkBytes, weightBytes - begin));
  if (Status status = file.readAt(kHeaderBytes + begin, bytes); !status)
    return status;
  digests[chunk] = sha256(bytes.data(), bytes.size());
  return {};
}

Status EngineWriter::writeConstant(size_t index, uint64_t offset, std::span<const std::byte> bytes) {
  if (index >= state->constants.size())
    return internal(text("constant ", index, " of ", state->constants.size()));
  const Constant &constant = state->constants[index];
  if (offset > constant.bytes || bytes.size() > constant.bytes - offset)
    return internal(text("constant '", constant.name, "' has ", constant.bytes, " bytes; a write of ", bytes.size(),
                         " at ", offset, " passes its end"));
  if (state->constantLeft[index].fetch_sub(bytes.size()) < bytes.size()) {
    state->constantLeft[index].fetch_add(bytes.size());
    return internal(text("constant '", constant.name, "' was written twice"));
  }
  uint64_t place = state->placement.constants[index] + offset;
  if (Status status = state->file.writeAt(kHeaderBytes + place, bytes); !status)
    return status;
  return state->written(place, bytes.size());
}

Status EngineWriter::State::checkComplete() const {
  for (size_t i = 0; i < constants.size(); ++i)
    if (uint64_t left = constantLeft[i])
      return internal(text("constant '", constants[i].name, "' lacks ", left, " of ", constants[i].bytes, " bytes"));
  return {};
}

std::string EngineWriter::State::packKernels(const Plan &plan) {
  std::string section;
  for (const Kernel &kernel : plan.kernels) {
    auto &offsets = placement.images.emplace_back();
    for (const Image &image : kernel.images) {
      section.resize(alignUp(section.size(), kImageAlign));
      offsets.push_back(section.size());
      section += image.bytes;
      if (image.kind == Image::Kind::Ptx)
        section += '\0';
    }
  }
  return section;
}

/// Weights lie first, because their place must be known before the kernels are compiled.
std::vector<SectionEntry> EngineWriter::State::layOut(const std::string &plan, const std::string &kernels) const {
  std::vector<SectionEntry> table;
  uint64_t end = kHeaderBytes;
  auto add = [&](SectionKind kind, uint64_t bytes, const Digest &digest) {
    SectionEntry entry{};
    entry.kind = uint32_t(kind);
    entry.offset = alignUp(end, kSectionAlign);
    entry.bytes = bytes;
    std::memcpy(entry.hash, digest.data(), digest.size());
    table.push_back(entry);
    end = entry.offset + bytes;
  };
  Digest weights = sha256(digests.data(), digests.size() * sizeof(Digest));
  add(SectionKind::Weights, weightBytes, weights);
  add(SectionKind::Digests, digests.size() * sizeof(Digest), weights);
  add(SectionKind::Kernels, kernels.size(), sha256(kernels.data(), kernels.size()));
  add(SectionKind::Plan, plan.size(), sha256(plan.data(), plan.size()));
  return table;
}

Status EngineWriter::finish(const Plan &plan) {
  if (Status status = state->checkComplete(); !status)
    return status;
  std::string kernels = state->packKernels(plan);
  std::string planBytes = serializePlan(plan, state->constants, state->placement);
  auto raw = [](const std::string &bytes) {
    return std::span(reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size());
  };
  // The reader's own rules: a plan that a runtime would refuse is never written.
  if (std::string finding = verifyPlan(raw(planBytes), raw(kernels), state->weightBytes); !finding.empty())
    return internal("plan: " + finding);
  std::vector<SectionEntry> table = state->layOut(planBytes, kernels);

  std::vector<std::byte> head(kHeaderBytes);
  FileHeader header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.versionMajor = kVersionMajor;
  header.versionMinor = kVersionMinor;
  header.fileBytes = table.back().offset + table.back().bytes;
  header.sections = uint32_t(table.size());
  size_t tableBytes = table.size() * sizeof(SectionEntry);
  Digest root = Sha256().update(&header, sizeof(header)).update(table.data(), tableBytes).finish();
  std::memcpy(header.rootHash, root.data(), root.size());
  std::memcpy(head.data(), &header, sizeof(header));
  std::memcpy(head.data() + sizeof(header), table.data(), tableBytes);

  AtomicFile &file = state->file;
  if (Status status = file.reserve(header.fileBytes); !status)
    return status;
  std::span<const std::byte> digests = std::as_bytes(std::span(state->digests));
  const std::span<const std::byte> sections[] = {digests, bytesOf(kernels), bytesOf(planBytes)};
  for (size_t i = 0; i < std::size(sections); ++i)
    if (Status status = file.writeAt(table[i + 1].offset, sections[i]); !status)
      return status;
  if (Status status = file.writeAt(0, head); !status)
    return status;
  return file.commit();
}

} // namespace qcc::engine_file
