//===- KernelCache.cpp ----------------------------------------------------===//

#include "qcc/CodeGen/KernelCache.h"

#include "qcc/CodeGen/KernelHeaders.h"
#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Sha256.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace qcc::codegen {
namespace {

// An entry: this line, the SHA-256 of everything after its line, a line of numbers, log, image.
constexpr std::string_view kMagic = "qcc kernel 1\n";

std::string serialize(const KernelImage &image) {
  std::ostringstream head;
  const KernelResources &use = image.resources;
  head << image.arch << ' ' << use.registers << ' ' << use.stackBytes << ' ' << use.spillBytes << ' ' << use.sharedBytes
       << ' ' << image.log.size() << ' ' << image.image.size() << '\n';
  std::string body = head.str() + image.log + image.image;
  return std::string(kMagic) + hexadecimal(sha256(body)) + "\n" + body;
}

std::optional<KernelImage> parse(std::string_view entry) {
  constexpr size_t digits = 64;
  if (entry.substr(0, kMagic.size()) != kMagic || entry.size() < kMagic.size() + digits + 1 ||
      entry[kMagic.size() + digits] != '\n')
    return std::nullopt;
  std::string_view body = entry.substr(kMagic.size() + digits + 1);
  if (hexadecimal(sha256(body)) != entry.substr(kMagic.size(), digits))
    return std::nullopt;
  size_t end = body.find('\n');
  if (end == std::string_view::npos)
    return std::nullopt;
  std::istringstream head{std::string(body.substr(0, end))};
  KernelImage image;
  size_t logSize = 0, imageSize = 0;
  head >> image.arch >> image.resources.registers >> image.resources.stackBytes >> image.resources.spillBytes >>
      image.resources.sharedBytes >> logSize >> imageSize;
  std::string_view rest = body.substr(end + 1);
  if (!head || logSize > rest.size() || imageSize != rest.size() - logSize)
    return std::nullopt;
  image.log = rest.substr(0, logSize);
  image.image = rest.substr(logSize);
  return image;
}

} // namespace

std::string KernelCache::defaultDirectory() {
  if (const char *chosen = std::getenv("QCC_KERNEL_CACHE"))
    return chosen;
  // The XDG base directory specification: relative paths are ignored.
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && cache[0] == '/')
    return std::string(cache) + "/qcc/kernels";
  if (const char *home = std::getenv("HOME"); home && home[0] == '/')
    return std::string(home) + "/.cache/qcc/kernels";
  return "";
}

std::string KernelCache::key(const KernelInstance &instance, const std::string &arch, const std::string &nvrtcVersion) {
  Sha256 hash;
  auto part = [&](const std::string &text) { hash.update(std::to_string(text.size()) + ":" + text); };
  part(instance.source);
  part(kernelHeadersDigest());
  for (const std::string &option : Nvrtc::options())
    part(option);
  part(nvrtcVersion);
  part(arch);
  return hexadecimal(hash.finish());
}

std::string KernelCache::path(const std::string &key) const {
  return directory + "/" + key.substr(0, 2) + "/" + key.substr(2);
}

std::optional<KernelImage> KernelCache::find(const std::string &key) const {
  std::error_code ignored; // an unreadable cache is an empty one
  if (directory.empty() || !std::filesystem::is_regular_file(path(key), ignored))
    return std::nullopt;
  Expected<MappedFile> file = MappedFile::open(path(key));
  if (!file)
    return std::nullopt;
  return parse(file->chars());
}

void KernelCache::store(const std::string &key, const KernelImage &image) const {
  if (directory.empty())
    return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path(key)).parent_path(), ignored);
  Expected<AtomicFile> file = AtomicFile::create(path(key));
  if (!file)
    return;
  if (Status written = file->write(serialize(image)); written)
    (void)bool(file->commit());
}

} // namespace qcc::codegen
