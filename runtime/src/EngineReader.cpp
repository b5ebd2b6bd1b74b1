//===- EngineReader.cpp ---------------------------------------------------===//

#include "EngineReader.h"
#include "Failure.h"
#include "qccrt/plan_verify.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace qccrt {
namespace {

bool allZero(const unsigned char *bytes, size_t count) {
  return std::all_of(bytes, bytes + count, [](unsigned char byte) { return byte == 0; });
}

std::string systemMessage(int errorNumber) { return std::generic_category().message(errorNumber); }

} // namespace

const char *EngineReader::nameOf(SectionKind kind) {
  switch (kind) {
  case SectionKind::Plan:
    return "plan";
  case SectionKind::Kernels:
    return "kernels";
  case SectionKind::Weights:
    return "weights";
  case SectionKind::Digests:
    return "digests";
  }
  return "unknown";
}

EngineReader::EngineReader(const std::string &path) : name(path) {
  try {
    open();
  } catch (...) { // the destructor of an object that was not finished does not run
    if (fd >= 0)
      ::close(fd);
    throw;
  }
}

EngineReader::~EngineReader() { ::close(fd); }

void EngineReader::damaged(const std::string &what) const { fail(QCCRT_DAMAGED, name, ": engine damaged: ", what); }

void EngineReader::open() {
  fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    fail(QCCRT_IO, name, ": cannot open: ", systemMessage(errno));
  struct stat info;
  if (fstat(fd, &info) != 0)
    fail(QCCRT_IO, name, ": cannot read: ", systemMessage(errno));
  if (!S_ISREG(info.st_mode))
    fail(QCCRT_IO, name, ": not a regular file");
  readHeader(uint64_t(info.st_size));
  planBytes = readSection(SectionKind::Plan);
  kernelBytes = readSection(SectionKind::Kernels);
  std::vector<unsigned char> list = readSection(SectionKind::Digests);
  weights = section(SectionKind::Weights);
  if (std::memcmp(weights.hash, section(SectionKind::Digests).hash, sizeof(weights.hash)) != 0)
    damaged("the hash of section 'weights' is not that of its digests");
  uint64_t chunkCount = (weights.bytes + kChunkBytes - 1) / kChunkBytes;
  if (list.size() != chunkCount * sizeof(Digest))
    damaged(text("section 'digests' has ", list.size(), " bytes, the weights need ", chunkCount * sizeof(Digest)));
  digests.resize(chunkCount);
  std::memcpy(digests.data(), list.data(), list.size());
  if (std::string finding = verifyPlan(planBytes, kernelBytes, weights.bytes); !finding.empty())
    damaged("plan: " + finding);
}

void EngineReader::readHeader(uint64_t fileBytes) {
  std::vector<unsigned char> page(kHeaderBytes);
  read(0, page.data(), std::min(fileBytes, kHeaderBytes));
  std::memcpy(&head, page.data(), sizeof(head));
  std::string_view start(reinterpret_cast<const char *>(page.data()), std::min<uint64_t>(fileBytes, 64));
  if (start.starts_with("version https://git-lfs"))
    fail(QCCRT_DAMAGED, name, ": this is a git-LFS pointer of ", fileBytes, " bytes, not the engine; run git lfs pull");
  if (fileBytes < sizeof(head) || std::memcmp(head.magic, kMagic, sizeof(kMagic)) != 0)
    fail(QCCRT_DAMAGED, name, ": not an engine file: it does not start with the engine's magic bytes");
  if (head.versionMajor != kVersionMajor)
    fail(QCCRT_UNSUPPORTED, name, ": engine format version ", head.versionMajor, ".", head.versionMinor,
         ", this runtime reads ", kVersionMajor, ".x; compile the model again, or use the runtime of its qcc");
  if (head.fileBytes != fileBytes)
    damaged(text("the file has ", fileBytes, " bytes, its header says ", head.fileBytes,
                 fileBytes < head.fileBytes ? ": an incomplete copy; copy it again" : ""));
  checkTable(page);
}

void EngineReader::checkTable(const std::vector<unsigned char> &page) {
  if (head.fileBytes < kHeaderBytes || head.sections != kSectionCount)
    damaged(text("header: ", head.sections, " sections, must be ", kSectionCount));
  table.resize(head.sections);
  size_t tableBytes = table.size() * sizeof(SectionEntry);
  std::memcpy(table.data(), page.data() + sizeof(head), tableBytes);
  FileHeader unhashed = head;
  std::memset(unhashed.rootHash, 0, sizeof(unhashed.rootHash));
  Digest root = Sha256().update(&unhashed, sizeof(unhashed)).update(table.data(), tableBytes).finish();
  if (std::memcmp(root.data(), head.rootHash, root.size()) != 0)
    damaged("header and section table do not match their root hash");
  if (head.reserved0 != 0 || !allZero(head.reserved, sizeof(head.reserved)))
    damaged("header: reserved bytes must be zero");
  size_t used = sizeof(head) + tableBytes;
  if (!allZero(page.data() + used, kSignatureOffset - used))
    damaged("bytes between the section table and the signature are not zero");
  if (!allZero(page.data() + kSignatureOffset, kHeaderBytes - kSignatureOffset))
    damaged("the signature slot is not empty; this runtime knows no signatures");

  uint64_t end = kHeaderBytes;
  uint32_t seen = 0;
  for (const SectionEntry &entry : table) {
    if (entry.kind < 1 || entry.kind > kSectionCount || (seen & 1u << entry.kind))
      damaged(text("section table: kind ", entry.kind, " is unknown or occurs twice"));
    seen |= 1u << entry.kind;
    std::string what = text("section '", nameOf(SectionKind(entry.kind)), "'");
    if (entry.reserved != 0 || !allZero(entry.reserved1, sizeof(entry.reserved1)))
      damaged(what + ": reserved bytes must be zero");
    if (entry.offset != alignUp(end, kSectionAlign))
      damaged(text(what, " is at ", entry.offset, ", must be at ", alignUp(end, kSectionAlign)));
    if (entry.bytes == 0 || entry.offset > head.fileBytes || entry.bytes > head.fileBytes - entry.offset)
      damaged(text(what, " of ", entry.bytes, " bytes does not lie in the file"));
    checkPadding(end, entry.offset);
    end = entry.offset + entry.bytes;
  }
  if (end != head.fileBytes)
    damaged(text("the last section ends at ", end, ", the file at ", head.fileBytes));
}

void EngineReader::checkPadding(uint64_t begin, uint64_t end) const {
  unsigned char bytes[kSectionAlign];
  read(begin, bytes, end - begin);
  if (!allZero(bytes, end - begin))
    damaged(text("padding before byte ", end, " is not zero"));
}

const SectionEntry &EngineReader::section(SectionKind kind) const {
  return *std::find_if(table.begin(), table.end(),
                       [&](const SectionEntry &entry) { return entry.kind == uint32_t(kind); });
}

std::vector<unsigned char> EngineReader::readSection(SectionKind kind) const {
  const SectionEntry &entry = section(kind);
  std::vector<unsigned char> bytes(entry.bytes);
  read(entry.offset, bytes.data(), entry.bytes);
  Digest digest = sha256(bytes.data(), bytes.size()), recorded;
  std::memcpy(recorded.data(), entry.hash, recorded.size());
  if (digest != recorded)
    damaged(text("section '", nameOf(kind), "' SHA-256 mismatch: recorded ", toHex(recorded).substr(0, 12),
                 "…, computed ", toHex(digest).substr(0, 12),
                 "…; the file's length is right, so this is not truncation"));
  return bytes;
}

uint64_t EngineReader::chunkBytes(uint64_t chunk) const {
  return std::min(kChunkBytes, weights.bytes - chunk * kChunkBytes);
}

void EngineReader::readChunk(uint64_t chunk, unsigned char *destination) const {
  uint64_t begin = chunk * kChunkBytes, bytes = chunkBytes(chunk);
  read(weights.offset + begin, destination, bytes);
  if (sha256(destination, bytes) != digests[chunk])
    damaged(text("section 'weights' SHA-256 mismatch in bytes ", begin, " to ", begin + bytes,
                 "; the file's length is right, so this is not truncation"));
  // Padding follows each constant up to the next multiple of kConstantAlign.
  const auto &constants = *plan().constants();
  auto first = std::partition_point(constants.begin(), constants.end(), [&](const plan::Constant *constant) {
    return alignUp(constant->offset() + constant->bytes(), kConstantAlign) <= begin;
  });
  for (; first != constants.end() && first->offset() < begin + bytes; ++first) {
    uint64_t end = first->offset() + first->bytes();
    uint64_t from = std::clamp(end, begin, begin + bytes);
    uint64_t to = std::clamp(std::min(alignUp(end, kConstantAlign), weights.bytes), begin, begin + bytes);
    if (!allZero(destination + (from - begin), to - from))
      damaged(text("padding after constant ", quoted(first->name()->string_view()), " is not zero"));
  }
}

void EngineReader::verifyWeights() const {
  std::vector<unsigned char> buffer(std::min(kChunkBytes, weights.bytes));
  for (uint64_t chunk = 0; chunk < chunks(); ++chunk)
    readChunk(chunk, buffer.data());
}

void EngineReader::read(uint64_t offset, unsigned char *destination, uint64_t bytes) const {
  while (bytes) {
    ssize_t count = pread(fd, destination, bytes, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail(QCCRT_IO, name, ": cannot read byte ", offset, ": ", systemMessage(errno));
    if (count == 0)
      fail(QCCRT_IO, name, ": ends at byte ", offset, "; it was longer when it was opened");
    destination += count;
    offset += uint64_t(count);
    bytes -= uint64_t(count);
  }
}

} // namespace qccrt
