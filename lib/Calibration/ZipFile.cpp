//===- ZipFile.cpp --------------------------------------------------------===//

#include "ZipFile.h"
#include "qcc/Support/Text.h"

#include <zlib.h>

#include <algorithm>

namespace qcc::calib {
namespace {

constexpr uint64_t kEndBytes = 22, kEntryBytes = 46, kLocalBytes = 30, kLocator64Bytes = 20, kEnd64Bytes = 56;
constexpr uint32_t kEndMark = 0x06054b50, kEntryMark = 0x02014b50, kLocalMark = 0x04034b50, kLocator64Mark = 0x07064b50,
                   kEnd64Mark = 0x06064b50;
constexpr uint64_t kMaxMember = uint64_t(1) << 32; ///< unpacked: far above any calibration set

/// Little-endian number at a place the caller has checked.
template <typename T> T number(std::span<const std::byte> bytes, uint64_t at) {
  T value = 0;
  for (unsigned i = 0; i < sizeof(T); ++i)
    value |= T(T(bytes[at + i]) << (8 * i));
  return value;
}

} // namespace

Error ZipFile::refuse(const std::string &why) const {
  return {text(file->name(), ": ", why, "; save it again with numpy.savez")};
}

Expected<ZipFile> ZipFile::open(const MappedFile &file) {
  ZipFile zip(file);
  std::span<const std::byte> bytes = file.bytes();
  if (bytes.size() < kEndBytes)
    return zip.refuse(text("is not a zip archive: ", bytes.size(), " bytes"));
  // The record ends the file but for a comment of at most 65535 bytes.
  uint64_t first = bytes.size() - std::min<uint64_t>(bytes.size(), kEndBytes + 65535);
  for (uint64_t end = bytes.size() - kEndBytes;; --end) {
    if (number<uint32_t>(bytes, end) == kEndMark &&
        number<uint16_t>(bytes, end + 20) == bytes.size() - end - kEndBytes) {
      uint64_t count = number<uint16_t>(bytes, end + 10), size = number<uint32_t>(bytes, end + 12),
               begin = number<uint32_t>(bytes, end + 16);
      if (end >= kLocator64Bytes && number<uint32_t>(bytes, end - kLocator64Bytes) == kLocator64Mark) {
        uint64_t end64 = number<uint64_t>(bytes, end - kLocator64Bytes + 8);
        if (bytes.size() < kEnd64Bytes || end64 > bytes.size() - kEnd64Bytes ||
            number<uint32_t>(bytes, end64) != kEnd64Mark)
          return zip.refuse("damaged zip archive: no zip64 record where the locator says");
        count = number<uint64_t>(bytes, end64 + 32);
        size = number<uint64_t>(bytes, end64 + 40);
        begin = number<uint64_t>(bytes, end64 + 48);
      }
      if (Status status = zip.readDirectory(begin, size, count); !status)
        return status.takeError();
      return zip;
    }
    if (end == first)
      return zip.refuse("is not a zip archive, or cut short: no end-of-directory record");
  }
}

Status ZipFile::readDirectory(uint64_t begin, uint64_t size, uint64_t count) {
  std::span<const std::byte> bytes = file->bytes();
  if (begin > bytes.size() || size > bytes.size() - begin || count > size / kEntryBytes)
    return refuse(text("damaged zip archive: a directory of ", count, " members does not fit the file"));
  uint64_t at = begin, end = begin + size;
  for (uint64_t i = 0; i < count; ++i) {
    if (end - at < kEntryBytes || number<uint32_t>(bytes, at) != kEntryMark)
      return refuse(text("damaged zip archive: directory entry ", i, " is not one"));
    uint64_t name = number<uint16_t>(bytes, at + 28), extra = number<uint16_t>(bytes, at + 30),
             comment = number<uint16_t>(bytes, at + 32);
    if (end - at - kEntryBytes < name + extra + comment)
      return refuse(text("damaged zip archive: directory entry ", i, " is cut short"));
    ZipMember member;
    member.name.assign(file->chars().substr(at + kEntryBytes, name));
    if (number<uint16_t>(bytes, at + 8) & 1)
      return refuse(text("member ", quote(member.name), " is encrypted"));
    member.method = number<uint16_t>(bytes, at + 10);
    member.crc = number<uint32_t>(bytes, at + 16);
    member.stored = number<uint32_t>(bytes, at + 20);
    member.size = number<uint32_t>(bytes, at + 24);
    member.header = number<uint32_t>(bytes, at + 42);
    // Zip64: the fields that are all ones stand in the extra field with tag 1, in this order.
    for (uint64_t field = at + kEntryBytes + name, last = field + extra; last - field >= 4;) {
      uint64_t tag = number<uint16_t>(bytes, field), length = number<uint16_t>(bytes, field + 2), value = field + 4;
      field = value + std::min(length, last - value);
      if (tag != 1)
        continue;
      for (uint64_t *wide : {&member.size, &member.stored, &member.header})
        if (*wide == UINT32_MAX && field - value >= 8) {
          *wide = number<uint64_t>(bytes, value);
          value += 8;
        }
    }
    at += kEntryBytes + name + extra + comment;
    entries.push_back(std::move(member));
  }
  return {};
}

Expected<std::vector<std::byte>> ZipFile::read(const ZipMember &member) const {
  std::span<const std::byte> bytes = file->bytes();
  auto damaged = [&](const std::string &why) { return refuse(text("member ", quote(member.name), ": ", why)); };
  if (member.header > bytes.size() || bytes.size() - member.header < kLocalBytes ||
      number<uint32_t>(bytes, member.header) != kLocalMark)
    return damaged("no local header where the directory says; the archive is damaged");
  uint64_t begin = member.header + kLocalBytes + number<uint16_t>(bytes, member.header + 26) +
                   number<uint16_t>(bytes, member.header + 28);
  if (begin > bytes.size() || member.stored > bytes.size() - begin)
    return damaged(text("its ", grouped(member.stored), " bytes run past the end of the file"));
  // Deflate makes at most 1032 bytes of one.
  if (member.size > kMaxMember ||
      (member.method == 0 ? member.size != member.stored : member.size / 1100 > member.stored))
    return damaged(text("size ", grouped(member.size), " does not fit its ", grouped(member.stored), " stored bytes"));
  std::span<const std::byte> stored = bytes.subspan(begin, member.stored);
  std::vector<std::byte> result;
  if (member.method == 0) {
    result.assign(stored.begin(), stored.end());
  } else if (member.method == 8) {
    result.resize(member.size);
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
      return Error{"out of memory", ExitCode::OutOfMemory};
    // zlib counts 32 bits of input and output at a time.
    uint64_t in = 0, out = 0;
    int code = Z_OK;
    while (code == Z_OK) {
      uint64_t inPiece = std::min<uint64_t>(stored.size() - in, 1u << 30),
               outPiece = std::min<uint64_t>(result.size() - out, 1u << 30);
      stream.next_in = const_cast<Bytef *>(reinterpret_cast<const Bytef *>(stored.data() + in));
      stream.avail_in = uInt(inPiece);
      stream.next_out = reinterpret_cast<Bytef *>(result.data() + out);
      stream.avail_out = uInt(outPiece);
      code = inflate(&stream, Z_NO_FLUSH);
      uint64_t used = inPiece - stream.avail_in, made = outPiece - stream.avail_out;
      in += used;
      out += made;
      if (code == Z_OK && used == 0 && made == 0)
        break;
    }
    inflateEnd(&stream);
    if (code != Z_STREAM_END || out != member.size)
      return damaged(
          text("unpacks to ", grouped(out), " of its ", grouped(member.size), " bytes; the archive is damaged"));
  } else {
    return damaged(text("compression method ", member.method, "; supported are stored (0) and deflated (8)"));
  }
  uLong crc = crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef *>(result.data()), result.size());
  if (crc != member.crc)
    return damaged("its checksum is wrong; the archive is damaged");
  return result;
}

} // namespace qcc::calib
