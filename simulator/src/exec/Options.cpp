//===- Options.cpp - Options and names ------------------------------------===//

#include "qccsim/Options.h"

#include "qccsim/Error.h"

#include <charconv>
#include <cstdlib>

using namespace qccsim;

const char *qccsim::toString(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::InvalidPtx:
    return "invalid ptx";
  case ErrorKind::UnsupportedInstruction:
    return "unsupported instruction";
  case ErrorKind::OutOfMemory:
    return "out of memory";
  case ErrorKind::InvalidValue:
    return "invalid value";
  case ErrorKind::LaunchOutOfResources:
    return "launch out of resources";
  case ErrorKind::IllegalAddress:
    return "illegal address";
  case ErrorKind::MisalignedAddress:
    return "misaligned address";
  case ErrorKind::Uninitialised:
    return "uninitialised read";
  case ErrorKind::Race:
    return "race";
  case ErrorKind::Divergence:
    return "divergence";
  case ErrorKind::Deadlock:
    return "deadlock";
  case ErrorKind::Trap:
    return "trap";
  }
  return "error";
}

static uint64_t parseNumber(std::string_view key, std::string_view text, bool allowUnit) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view rest(end, text.data() + text.size() - end);
  unsigned shift = 0;
  if (allowUnit && rest.size() == 1) {
    shift = rest == "K" ? 10 : rest == "M" ? 20 : rest == "G" ? 30 : 0;
    rest = shift ? "" : rest;
  }
  if (error != std::errc() || !rest.empty() || (shift && value >> (63 - shift)))
    throw SimError(ErrorKind::InvalidValue,
                   "simulator option '" + std::string(key) + "=" + std::string(text) + "' is not a number");
  return value << shift;
}

/// True for `first`, false for `second`.
static bool parseChoice(std::string_view key, std::string_view text, std::string_view first, std::string_view second) {
  if (text != first && text != second)
    throw SimError(ErrorKind::InvalidValue, "simulator option '" + std::string(key) + "=" + std::string(text) +
                                                "' must be '" + std::string(first) + "' or '" + std::string(second) +
                                                "'");
  return text == first;
}

Options Options::parse(std::string_view text) {
  Options options;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty())
      continue;
    size_t equals = std::min(item.find('='), item.size());
    std::string_view key = item.substr(0, equals);
    std::string_view value = item.substr(std::min(equals + 1, item.size()));
    if (key == "threads") {
      options.threads = parseNumber(key, value, false);
      if (options.threads > 1024)
        throw SimError(ErrorKind::InvalidValue, "simulator option 'threads' is at most 1024");
    } else if (key == "async")
      options.asyncEffect = parseChoice(key, value, "late", "early") ? AsyncEffect::Late : AsyncEffect::Early;
    else if (key == "uninitialised")
      options.checkUninitialised = parseChoice(key, value, "on", "off");
    else if (key == "races")
      options.checkRaces = parseChoice(key, value, "on", "off");
    else if (key == "tensor")
      options.exactTensorCores = parseChoice(key, value, "exact", "fast");
    else if (key == "counters")
      options.countSectors = parseChoice(key, value, "on", "off");
    else if (key == "memory")
      options.memoryBytes = parseNumber(key, value, true);
    else if (key == "seed")
      options.seed = parseNumber(key, value, false);
    else
      throw SimError(ErrorKind::InvalidValue,
                     "unknown simulator option '" + std::string(key) +
                         "'; known are threads, async, uninitialised, races, tensor, counters, "
                         "memory, seed");
  }
  return options;
}

Options Options::fromEnvironment() {
  const char *text = std::getenv("QCCSIM_OPTIONS");
  return parse(text ? text : "");
}
