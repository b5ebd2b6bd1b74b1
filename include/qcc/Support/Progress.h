//===- Progress.h - A progress bar with a time estimate ---------*- C++ -*-===//
#ifndef QCC_SUPPORT_PROGRESS_H
#define QCC_SUPPORT_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace qcc {

/// On: a line that is redrawn; Log: whole lines, one a minute, none in the first; Auto: On at a terminal, else Log.
enum class ProgressMode { Auto, On, Log, Off };

/// "label [#####.....]  52 %  1.1/2.1 GiB  ETA 12 s" on standard error, redrawn at most ten times a second; a line a
/// minute in logs. Thread safe.
class Progress {
public:
  /// `total` in any unit; with `bytes` amounts are shown as sizes.
  Progress(std::string label, uint64_t total, ProgressMode mode, bool bytes);
  /// Ends the line; a log of which nothing was written stays empty.
  ~Progress();
  void advance(uint64_t amount);

private:
  void draw(std::chrono::steady_clock::time_point now);

  std::string label;
  uint64_t total, done = 0;
  ProgressMode mode;
  bool bytes, begun = false;
  std::chrono::steady_clock::time_point start, drawn;
  std::mutex mutex;
};

/// The text of one state of the bar; pure, for Progress and its test.
std::string progressLine(const std::string &label, uint64_t done, uint64_t total, double seconds, bool bytes);

} // namespace qcc

#endif // QCC_SUPPORT_PROGRESS_H
