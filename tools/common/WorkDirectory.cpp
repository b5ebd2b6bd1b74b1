//===- WorkDirectory.cpp --------------------------------------------------===//

#include "WorkDirectory.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <utility>

namespace qcc::tools {

WorkDirectory &WorkDirectory::operator=(WorkDirectory &&other) noexcept {
  std::swap(directory, other.directory);
  std::swap(kept, other.kept);
  std::swap(temporary, other.temporary);
  lock = std::move(other.lock);
  return *this;
}

WorkDirectory::~WorkDirectory() {
  if (temporary)
    discard();
  else if (!kept && !directory.empty())
    (void)llvm::sys::fs::remove(directory); // succeeds where it is empty
}

Expected<WorkDirectory> WorkDirectory::create(const std::string &path, bool keep) {
  if (std::error_code error = llvm::sys::fs::create_directories(path))
    return Error{"'" + path + "': cannot be made a directory: " + error.message() + "; choose another with --work-dir",
                 ExitCode::IoError};
  llvm::SmallString<256> absolute;
  if (std::error_code error = llvm::sys::fs::real_path(path, absolute))
    return Error{"'" + path + "': " + error.message(), ExitCode::IoError};
  WorkDirectory result;
  result.lock = FileDescriptor(open(absolute.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (flock(result.lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return Error{"'" + path + "': another run works in this directory; wait for it, or choose another with --work-dir",
                 ExitCode::IoError};
  result.directory = absolute.str().str();
  result.kept = keep;
  return result;
}

Expected<WorkDirectory> WorkDirectory::createTemporary() {
  const char *base = std::getenv("TMPDIR");
  std::string pattern = std::string(base && *base ? base : "/tmp") + "/qcc-work-XXXXXX";
  if (!mkdtemp(pattern.data()))
    return Error{"'" + pattern + "': no temporary directory can be made there; set TMPDIR or give --work-dir",
                 ExitCode::IoError};
  WorkDirectory result;
  result.directory = pattern;
  result.kept = false;
  result.temporary = true;
  return result;
}

void WorkDirectory::discard() {
  if (!kept && !directory.empty())
    (void)llvm::sys::fs::remove_directories(directory);
  directory.clear();
  temporary = false;
}

} // namespace qcc::tools
