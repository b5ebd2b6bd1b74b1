//===- KernelHeaders.cpp - Digest of the embedded headers -----------------===//

#include "qcc/CodeGen/KernelHeaders.h"

#include "qcc/Support/Sha256.h"

namespace qcc::codegen {

const std::string &kernelHeadersDigest() {
  static const std::string digest = [] {
    Sha256 hash;
    for (const EmbeddedFile &file : kernelHeaders()) {
      // With the final NULs, so that no two sets of files give the same stream.
      hash.update(std::string_view(file.name, std::string_view(file.name).size() + 1));
      hash.update(std::string_view(file.text, std::string_view(file.text).size() + 1));
    }
    return hexadecimal(hash.finish());
  }();
  return digest;
}

} // namespace qcc::codegen
