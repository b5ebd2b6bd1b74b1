//===- Progress.cpp -------------------------------------------------------===//

#include "qcc/Support/Progress.h"
#include "qcc/Support/Text.h"

#include <cmath>
#include <cstdio>
#include <iomanip>
#include <unistd.h>

namespace qcc {
using namespace std::chrono_literals;

namespace {

std::string amountText(uint64_t amount, bool bytes) {
  if (!bytes)
    return std::to_string(amount);
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = double(amount);
  unsigned unit = 0;
  for (; value >= 1024 && unit < 4; ++unit)
    value /= 1024;
  return text(std::fixed, std::setprecision(unit == 0 ? 0 : 1), value, " ", units[unit]);
}

std::string durationText(double seconds) {
  uint64_t whole = uint64_t(std::ceil(seconds));
  if (whole < 60)
    return text(whole, " s");
  if (whole < 3600)
    return text(whole / 60, " min ", whole % 60, " s");
  return text(whole / 3600, " h ", whole / 60 % 60, " min");
}

} // namespace

std::string progressLine(const std::string &label, uint64_t done, uint64_t total, double seconds, bool bytes) {
  constexpr unsigned width = 30;
  double fraction = total == 0 ? 1.0 : double(done) / double(total);
  unsigned filled = unsigned(fraction * width);
  std::string line = text(label, " [", std::string(filled, '#'), std::string(width - filled, '.'), "] ", std::setw(3),
                          unsigned(fraction * 100), " %  ", amountText(done, bytes), " of ", amountText(total, bytes));
  if (done == total)
    return line + "  in " + durationText(seconds);
  if (done > 0 && seconds > 0.2)
    line += "  ETA " + durationText(seconds * double(total - done) / double(done));
  return line;
}

Progress::Progress(std::string label, uint64_t total, ProgressMode mode, bool bytes)
    : label(std::move(label)), total(total), mode(mode != ProgressMode::Auto ? mode
                                                  : isatty(STDERR_FILENO)    ? ProgressMode::On
                                                                             : ProgressMode::Log),
      bytes(bytes), start(std::chrono::steady_clock::now()), drawn(start) {}

Progress::~Progress() {
  if (mode == ProgressMode::On || (mode == ProgressMode::Log && begun))
    draw(std::chrono::steady_clock::now());
  if (mode == ProgressMode::On)
    std::fputc('\n', stderr);
}

void Progress::advance(uint64_t amount) {
  std::lock_guard lock(mutex);
  done = std::min(total, done + amount);
  auto now = std::chrono::steady_clock::now();
  if (mode == ProgressMode::Off || now - drawn < (mode == ProgressMode::On ? 100ms : 1min))
    return;
  drawn = now;
  draw(now);
}

void Progress::draw(std::chrono::steady_clock::time_point now) {
  double seconds = std::chrono::duration<double>(now - start).count();
  std::string line = progressLine(label, done, total, seconds, bytes);
  line = mode == ProgressMode::On ? "\r" + line + "\x1b[K" : line + "\n";
  begun = true;
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

} // namespace qcc
