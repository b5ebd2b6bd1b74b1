//===- File.cpp -----------------------------------------------------------===//

#include "qcc/Support/File.h"
#include "qcc/Support/Text.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qcc {

std::string systemMessage(int errorNumber) {
  char buffer[256];
  return strerror_r(errorNumber, buffer, sizeof buffer);
}

FileDescriptor::~FileDescriptor() {
  if (fd >= 0)
    ::close(fd);
}

Expected<MappedFile> MappedFile::open(const std::string &path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0)
    return Error{text(path, ": cannot open: ", systemMessage(errno)), ExitCode::IoError};
  return open(std::move(fd), path);
}

Expected<MappedFile> MappedFile::open(FileDescriptor fd, std::string name) {
  struct stat info;
  if (fstat(fd.get(), &info) != 0)
    return Error{text(name, ": cannot stat: ", systemMessage(errno)), ExitCode::IoError};
  if (!S_ISREG(info.st_mode))
    return Error{text(name, ": is not a regular file"), ExitCode::IoError};
  MappedFile file;
  file.fileName = std::move(name);
  file.size = size_t(info.st_size);
  file.id = {info.st_dev, info.st_ino};
  if (file.size == 0)
    return file;
  void *address = mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED)
    return Error{text(file.fileName, ": cannot map ", grouped(file.size), " bytes: ", systemMessage(errno)),
                 ExitCode::IoError};
  file.data = static_cast<const std::byte *>(address);
  return file;
}

MappedFile::MappedFile(MappedFile &&other) noexcept { *this = std::move(other); }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  std::swap(fileName, other.fileName);
  std::swap(id, other.id);
  return *this;
}

MappedFile::~MappedFile() {
  if (data)
    munmap(const_cast<std::byte *>(data), size);
}

namespace {

bool isPlainName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos && name.find('\0') == name.npos;
}

/// The link `name` in `directory`, if it is one of a Hugging Face snapshot: returns its blob, opened, or -1.
int openCacheBlob(const std::string &directory, int directoryFd, const std::string &name) {
  constexpr std::string_view prefix = "../../blobs/";
  char target[PATH_MAX];
  ssize_t length = readlinkat(directoryFd, name.c_str(), target, sizeof target);
  if (length <= 0 || size_t(length) == sizeof target)
    return -1;
  std::string_view link(target, size_t(length));
  char real[PATH_MAX];
  if (!link.starts_with(prefix) || !isPlainName(link.substr(prefix.size())) || !realpath(directory.c_str(), real))
    return -1;
  std::string_view path(real);
  path = path.substr(0, path.rfind('/'));
  if (!path.ends_with("/snapshots"))
    return -1;
  FileDescriptor blobs(::openat(directoryFd, "../../blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (blobs.get() < 0)
    return -1;
  std::string blob(link.substr(prefix.size()));
  return ::openat(blobs.get(), blob.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

} // namespace

Expected<FileDescriptor> openBeneath(const std::string &directory, std::string_view name) {
  auto refuse = [&](const char *why) {
    return Error{text(directory, ": file name ", quote(name), " ", why), ExitCode::BadInput};
  };
  if (name.empty() || name.size() > 1024 || name.front() == '/' || name.find('\0') != name.npos)
    return refuse("must be a relative path of 1 to 1024 characters");
  FileDescriptor current(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (current.get() < 0)
    return Error{text(directory, ": cannot open the directory: ", systemMessage(errno)), ExitCode::IoError};
  const bool plain = isPlainName(name);
  for (std::string_view rest = name;;) {
    size_t slash = rest.find('/');
    std::string component(rest.substr(0, slash));
    if (!isPlainName(component))
      return refuse("leaves the model directory or has an empty component");
    bool last = slash == rest.npos;
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    FileDescriptor next(::openat(current.get(), component.c_str(), flags));
    if (next.get() < 0 && errno == ELOOP && plain)
      next = FileDescriptor(openCacheBlob(directory, current.get(), component));
    else if (next.get() < 0 && errno != ELOOP)
      return Error{text(directory, ": ", quote(name), ": cannot open: ", systemMessage(errno)), ExitCode::IoError};
    if (next.get() < 0)
      return refuse("is a symbolic link; only links of a Hugging Face snapshot into ../../blobs are followed, copy the "
                    "file into the directory");
    if (last)
      return next;
    current = std::move(next);
    rest = rest.substr(slash + 1);
  }
}

} // namespace qcc
