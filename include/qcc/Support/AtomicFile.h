//===- AtomicFile.h - The whole new file or the whole old one ---*- C++ -*-===//
//
// Written to a nameless file in the target's directory (a temporary name where the file system has no nameless ones);
// `commit` syncs it, renames it over the target and syncs the directory. Until then nothing stands under the output's
// name, and a process killed half-way leaves the old file. Any error of write or fsync is final.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_ATOMICFILE_H
#define QCC_SUPPORT_ATOMICFILE_H

#include "qcc/Support/Error.h"
#include "qcc/Support/File.h"

#include <span>
#include <string>

namespace qcc {

class AtomicFile {
public:
  /// Refuses a target that is one of `inputs`, a directory, or in a directory that cannot be written.
  static Expected<AtomicFile> create(const std::string &path, std::span<const FileIdentity> inputs = {});
  AtomicFile(AtomicFile &&) = default;
  AtomicFile &operator=(AtomicFile &&) = delete;
  /// Without commit the temporary file is removed.
  ~AtomicFile();

  /// Reserves the final size, so that a full disk is met before the work.
  Status reserve(uint64_t bytes);
  /// Appends.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view chars) { return write(std::as_bytes(std::span(chars.data(), chars.size()))); }
  /// Writes at an offset; thread safe for disjoint ranges.
  Status writeAt(uint64_t offset, std::span<const std::byte> bytes);
  /// Reads back what was written, all of `bytes`; thread safe.
  Status readAt(uint64_t offset, std::span<std::byte> bytes) const;
  Status commit();

private:
  AtomicFile(std::string target, std::string temporary, FileDescriptor directory, FileDescriptor fd)
      : target(std::move(target)), temporary(std::move(temporary)), directory(std::move(directory)), fd(std::move(fd)) {
  }
  Error failure(const char *what, int errorNumber) const;

  std::string target;    ///< as the user wrote it
  std::string temporary; ///< name inside the directory; empty while there is none to remove
  FileDescriptor directory, fd;
  uint64_t length = 0;
};

} // namespace qcc

#endif // QCC_SUPPORT_ATOMICFILE_H
