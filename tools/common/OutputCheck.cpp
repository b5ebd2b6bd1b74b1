//===- OutputCheck.cpp ----------------------------------------------------===//

#include "OutputCheck.h"
#include "qcc/Support/AtomicFile.h"

namespace qcc::tools {

Status addInputs(const std::vector<std::string> &files, std::vector<FileIdentity> &inputs) {
  for (const std::string &path : files) {
    if (path.empty())
      continue;
    Expected<MappedFile> file = MappedFile::open(path);
    if (!file)
      return file.takeError();
    inputs.push_back(file->identity());
  }
  return {};
}

Status checkOutput(const std::string &path, const std::vector<FileIdentity> &inputs) {
  if (path.empty() || path == "-")
    return {};
  Expected<AtomicFile> file = AtomicFile::create(path, inputs); // which leaves nothing without a commit
  return file ? Status() : file.takeError();
}

} // namespace qcc::tools
