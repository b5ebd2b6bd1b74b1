//===- Error.h - Errors a user can act on -------------------------*- C++ -*-===//
//
// Libraries below the tools report failures by value, never by exception or abort: a message in the form "thing: value:
// limit; remedy" and the process exit code it leads to.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_ERROR_H
#define QCC_SUPPORT_ERROR_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace qcc {

/// Exit codes of the tools (sysexits where one fits).
enum class ExitCode { Usage = 2, BadInput = 65, Unavailable = 69, Internal = 70, OutOfMemory = 71, IoError = 74 };

struct Error {
  std::string message;
  ExitCode code = ExitCode::BadInput;
};

/// Several findings at once: importers report everything that is wrong, not the first.
struct ErrorList {
  std::vector<Error> errors;
  void add(std::string message, ExitCode code = ExitCode::BadInput) { errors.push_back({std::move(message), code}); }
  bool empty() const { return errors.empty(); }
  Error joined() const {
    Error all{"", errors.empty() ? ExitCode::Internal : errors.front().code};
    for (const Error &error : errors)
      all.message += (all.message.empty() ? "" : "\n") + error.message;
    return all;
  }
};

/// A value or an Error. `if (!x) return x.takeError();`
template <typename T> class [[nodiscard]] Expected {
public:
  Expected(T value) : storage(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : storage(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return storage.index() == 0; }
  T &operator*() {
    assert(*this);
    return std::get<0>(storage);
  }
  const T &operator*() const {
    assert(*this);
    return std::get<0>(storage);
  }
  T *operator->() { return &**this; }
  const T *operator->() const { return &**this; }
  const Error &error() const { return std::get<1>(storage); }
  Error takeError() { return std::move(std::get<1>(storage)); }

private:
  std::variant<T, Error> storage;
};

/// Success or an Error. `if (Status s = f(); !s) return s.takeError();`
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Error error) : failure(std::move(error)), failed(true) {}
  explicit operator bool() const { return !failed; }
  const Error &error() const { return failure; }
  Error takeError() { return std::move(failure); }

private:
  Error failure;
  bool failed = false;
};

} // namespace qcc

#endif // QCC_SUPPORT_ERROR_H
