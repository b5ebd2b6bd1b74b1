//===- File.h - Reading files that may be hostile ---------------*- C++ -*-===//
//
// Only regular files are read (a FIFO or a device would block or never end), and sizes are checked with fstat before
// bytes are looked at.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_FILE_H
#define QCC_SUPPORT_FILE_H

#include "qcc/Support/Error.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace qcc {

/// Which file it is, whatever its name: to refuse an output that is an input.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity &) const = default;
};

/// A descriptor that closes itself.
class FileDescriptor {
public:
  explicit FileDescriptor(int fd = -1) : fd(fd) {}
  FileDescriptor(FileDescriptor &&other) noexcept : fd(std::exchange(other.fd, -1)) {}
  FileDescriptor &operator=(FileDescriptor &&other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return fd; }
  int release() { return std::exchange(fd, -1); }

private:
  int fd;
};

/// A regular file mapped read-only. A file that shrinks while it is mapped cannot be guarded against here; its length
/// is the one seen at open.
class MappedFile {
public:
  /// `name` is how messages call the file.
  static Expected<MappedFile> open(FileDescriptor fd, std::string name);
  /// A path the user gave: links are followed.
  static Expected<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data, size}; }
  std::string_view chars() const { return {reinterpret_cast<const char *>(data), size}; }
  const std::string &name() const { return fileName; }
  FileIdentity identity() const { return id; }

private:
  MappedFile() = default;
  const std::byte *data = nullptr;
  size_t size = 0;
  std::string fileName;
  FileIdentity id;
};

/// Opens `name`, which some file mentioned, inside the directory `directory`, which the user gave. The name must be
/// relative, without "..", empty components or NUL, and no component may be a symbolic link, with one exception:
/// Hugging Face's cache keeps snapshots as links, so a plain name may be a link to "../../blobs/<plain name>" when the
/// directory is <repository>/snapshots/<revision>.
Expected<FileDescriptor> openBeneath(const std::string &directory, std::string_view name);

/// "No such file or directory" for errno, without locale or thread trouble.
std::string systemMessage(int errorNumber);

} // namespace qcc

#endif // QCC_SUPPORT_FILE_H
