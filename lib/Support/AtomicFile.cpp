//===- AtomicFile.cpp -----------------------------------------------------===//

#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
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

/// The first name ".NAME.PID.N.partial" that `take` can have; empty, with errno, when it fails for another reason than
/// that the name is taken.
template <typename Take> std::string claimName(const std::string &name, Take take) {
  for (unsigned attempt = 0;; ++attempt) {
    std::string candidate = text(".", name, ".", getpid(), ".", attempt, ".partial");
    if (take(candidate.c_str()))
      return candidate;
    if (errno != EEXIST || attempt == 100)
      return "";
  }
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
  // Without a name, a process that is killed leaves nothing behind. Some file systems (NFS, overlays) have only named
  // files.
  FileDescriptor nameless(::openat(directory.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (nameless.get() >= 0)
    return AtomicFile(path, "", std::move(directory), std::move(nameless));
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
    return refuse(systemMessage(errno));
  std::optional<FileDescriptor> named;
  std::string temporary = claimName(name, [&](const char *candidate) {
    named.emplace(::openat(directory.get(), candidate, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    return named->get() >= 0;
  });
  if (temporary.empty())
    return refuse(systemMessage(errno));
  return AtomicFile(path, std::move(temporary), std::move(directory), std::move(*named));
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
  if (temporary.empty()) {
    // rename replaces a file, linkat does not: the file gets a name first.
    std::string self = text("/proc/self/fd/", fd.get());
    temporary = claimName(nameOf(target), [&](const char *candidate) {
      return linkat(AT_FDCWD, self.c_str(), directory.get(), candidate, AT_SYMLINK_FOLLOW) == 0;
    });
    if (temporary.empty())
      return failure("name the finished file", errno);
  }
  if (renameat(directory.get(), temporary.c_str(), directory.get(), nameOf(target).c_str()) != 0)
    return failure("rename the finished file", errno);
  temporary.clear();
  if (fsync(directory.get()) != 0)
    return failure("sync the directory", errno);
  return {};
}

} // namespace qcc
