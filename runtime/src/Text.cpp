//===- Text.cpp -----------------------------------------------------------===//

#include "Text.h"

#include <cstdio>

namespace qccrt {

std::string byteText(unsigned long long bytes) {
  char buffer[32];
  if (bytes >= 1ull << 30)
    std::snprintf(buffer, sizeof(buffer), "%.2f GiB", double(bytes) / double(1ull << 30));
  else if (bytes >= 1ull << 20)
    std::snprintf(buffer, sizeof(buffer), "%.1f MiB", double(bytes) / double(1ull << 20));
  else
    std::snprintf(buffer, sizeof(buffer), "%llu bytes", bytes);
  return buffer;
}

} // namespace qccrt
