//===- Npy.cpp ------------------------------------------------------------===//

#include "Npy.h"
#include "Options.h"

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace qcc_run {

NpyWriter::NpyWriter(const std::string &path, uint64_t columns)
    : path(path), temporary(path + "." + std::to_string(getpid()) + ".partial"), columns(columns) {
  file = std::fopen(temporary.c_str(), "wbx");
  if (!file)
    failed("create");
  try {
    header();     // its place; the number of rows is known at the end
  } catch (...) { // the destructor does not run
    std::fclose(file);
    unlink(temporary.c_str());
    throw;
  }
}

NpyWriter::~NpyWriter() {
  if (file) {
    std::fclose(file);
    unlink(temporary.c_str());
  }
}

void NpyWriter::failed(const char *what) const {
  throw Exit{IoError, path + ": cannot " + what + ": " + std::generic_category().message(errno)};
}

void NpyWriter::header() {
  // 10 bytes of magic and length, then the dictionary, padded with spaces to a line that ends at 128.
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                     std::to_string(columns) + "), }";
  text.resize(117, ' ');
  text += '\n';
  const char start[10] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
  if (std::fwrite(start, 1, sizeof(start), file) != sizeof(start) ||
      std::fwrite(text.data(), 1, text.size(), file) != text.size())
    failed("write");
}

void NpyWriter::row(const float *values) {
  if (std::fwrite(values, sizeof(float), columns, file) != columns)
    failed("write");
  ++rows;
}

void NpyWriter::finish() {
  if (std::fseek(file, 0, SEEK_SET) != 0)
    failed("write");
  header();
  if (std::fflush(file) != 0 || fsync(fileno(file)) != 0)
    failed("write");
  if (std::rename(temporary.c_str(), path.c_str()) != 0)
    failed("rename");
  std::fclose(file);
  file = nullptr;
}

} // namespace qcc_run
