//===- WorkDirectory.h - Where calibration keeps its results ------*- C++ -*-===//
#ifndef QCC_TOOLS_COMMON_WORKDIRECTORY_H
#define QCC_TOOLS_COMMON_WORKDIRECTORY_H

#include "qcc/Support/File.h"

#include <string>

namespace qcc::tools {

/// A directory for calibrated weights and progress. One that the user named stays; another is removed by `discard` or,
/// if it is temporary or nothing was put there, at the latest by the destructor.
class WorkDirectory {
public:
  WorkDirectory() = default;
  WorkDirectory(WorkDirectory &&other) noexcept { *this = std::move(other); }
  WorkDirectory &operator=(WorkDirectory &&other) noexcept;
  ~WorkDirectory();

  /// Creates `path` where it does not exist. `keep`: it is the user's. Refused while another process works there.
  static Expected<WorkDirectory> create(const std::string &path, bool keep);
  /// A fresh directory below $TMPDIR or /tmp.
  static Expected<WorkDirectory> createTemporary();

  const std::string &path() const { return directory; }
  /// Something that stays refers to it.
  void keep() { kept = true, temporary = false; }
  /// Its work is done: removes it unless it is the user's.
  void discard();

private:
  std::string directory; ///< absolute; empty: none
  bool kept = true, temporary = false;
  FileDescriptor lock;
};

} // namespace qcc::tools

#endif // QCC_TOOLS_COMMON_WORKDIRECTORY_H
