//===- ZipFile.h - Members of a zip archive -----------------------*- C++ -*-===//
//
// As numpy.savez writes them: stored or deflated, one disk, no encryption. Sizes and places come from the central
// directory and are checked against the file before anything is allocated; contents are checked against their CRC-32.
// Format: PKWARE APPNOTE 4.3 and 4.5.3 (zip64).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_CALIBRATION_ZIPFILE_H
#define QCC_LIB_CALIBRATION_ZIPFILE_H

#include "qcc/Support/File.h"

#include <cstdint>
#include <vector>

namespace qcc::calib {

struct ZipMember {
  std::string name;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t stored = 0, size = 0; ///< bytes in the archive, and unpacked
  uint64_t header = 0;           ///< of the local header
};

class ZipFile {
public:
  /// The file must outlive the archive.
  static Expected<ZipFile> open(const MappedFile &file);

  const std::vector<ZipMember> &members() const { return entries; }
  Expected<std::vector<std::byte>> read(const ZipMember &member) const;

private:
  explicit ZipFile(const MappedFile &file) : file(&file) {}
  Error refuse(const std::string &why) const;
  Status readDirectory(uint64_t begin, uint64_t bytes, uint64_t count);

  const MappedFile *file;
  std::vector<ZipMember> entries;
};

} // namespace qcc::calib

#endif // QCC_LIB_CALIBRATION_ZIPFILE_H
