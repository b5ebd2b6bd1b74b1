//===- Extract.cpp --------------------------------------------------------===//

#include "Extract.h"
#include "Failure.h"
#include "Names.h"

#include <filesystem>
#include <fstream>

namespace qcc_inspect {
namespace {

void write(const std::filesystem::path &path, const char *bytes, size_t count) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes, std::streamsize(count));
  file.close();
  if (!file)
    qccrt::fail(QCCRT_IO, path.string(), ": cannot write");
}

} // namespace

size_t extract(const qccrt::EngineReader &engine, const std::string &directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    qccrt::fail(QCCRT_IO, directory, ": cannot make the directory: ", error.message());
  std::filesystem::path folder = directory;
  size_t files = 0;
  for (const plan::Kernel *kernel : *engine.plan().kernels()) {
    std::string symbol = kernel->symbol()->str();
    write(folder / (symbol + ".cu"), kernel->source()->c_str(), kernel->source()->size());
    ++files;
    for (const plan::Image *image : *kernel->images()) {
      auto bytes = engine.image(*image);
      bool ptx = image->kind() == plan::ImageKind::Ptx;
      write(folder / (symbol + "." + targetOf(*image) + (ptx ? ".ptx" : ".cubin")),
            reinterpret_cast<const char *>(bytes.data()),
            bytes.size() - ptx); // without its NUL
      ++files;
    }
  }
  return files;
}

} // namespace qcc_inspect
