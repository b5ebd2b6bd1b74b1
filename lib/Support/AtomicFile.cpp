//===- AtomicFile.cpp -----------------------------------------------------===//

#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qcc {
namespace {

std::string directoryOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == path.npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string nameOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

} // namespace

Error AtomicFile::failure(const char *what, int errorNumber) const {
  return {text(target, ": cannot ", what, ": ", systemMessage(errorNumber)), ExitCode::IoError};
}

Expected<AtomicFile> AtomicFile::create(const std::string &path, std::span<const FileIdentity> inputs) {
  auto refuse = [&](const std::string &why) { return Error{text(path, ": cannot write: ", why), ExitCode::IoError}; };
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode))
      return refuse("is a directory; name a file");
    if (std::find(inputs.begin(), inputs.end(), FileIdentity{info.st_dev, info.st_ino}) != inputs.end())
      return refuse("the output is one of the inputs; choose another name");
  }
  std::string name = nameOf(path);
  if (name.empty())
    return refuse("the path ends in '/'; name a file");
  FileDescriptor directory(::open(directoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0)
    return refuse(systemMessage(errno));
  for (unsigned attempt = 0; attempt < 100; ++attempt) {
    std::string temporary = text(".", name, ".", getpid(), ".", attempt, ".partial");
    FileDescriptor fd(::openat(directory.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (fd.get() >= 0)
      return AtomicFile(path, std::move(temporary), std::move(directory), std::move(fd));
    if (errno != EEXIST)
      return refuse(systemMessage(errno));
  }
  return refuse(text("100 files named .", name, ".*.partial are in the way; remove them"));
}

AtomicFile::~AtomicFile() {
  if (!temporary.empty() && directory.get() >= 0)
    unlinkat(directory.get(), temporary.c_str(), 0);
}

Status AtomicFile::reserve(uint64_t bytes) {
  int error = bytes == 0 ? 0 : posix_fallocate(fd.get(), 0, off_t(bytes));
  if (error != 0)
    return failure(text("reserve ", grouped(bytes), " bytes").c_str(), error);
  return {};
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  if (Status status = writeAt(length, bytes); !status)
    return status;
  length += bytes.size();
  return {};
}

Status AtomicFile::writeAt(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t count = pwrite(fd.get(), bytes.data(), bytes.size(), off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return failure("write", count < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(size_t(count));
    offset += uint64_t(count);
  }
  return {};
}

Status AtomicFile::readAt(uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    ssize_t count = pread(fd.get(), bytes.data(), bytes.size(), off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return failure("read back", count < 0 ? errno : EIO);
    bytes = bytes.subspan(size_t(count));
    offset += uint64_t(count);
  }
  return {};
}

Status AtomicFile::commit() {
  if (fsync(fd.get()) != 0)
    return failure("sync", errno);
  if (renameat(directory.get(), temporary.c_str(), directory.get(), nameOf(target).c_str()) != 0)
    return failure("rename the finished file", errno);
  temporary.clear();
  if (fsync(directory.get()) != 0)
    return failure("sync the directory", errno);
  return {};
}

} // namespace qcc
