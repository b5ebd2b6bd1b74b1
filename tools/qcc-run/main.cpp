//===- main.cpp - qcc-run -------------------------------------------------===//

#include "Generate.h"
#include "Npy.h"
#include "Options.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>

using namespace qcc_run;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Engine {
  qccrt_engine *handle = nullptr;
  ~Engine() { qccrt_engine_close(handle); }
};
struct Context {
  qccrt_context *handle = nullptr;
  ~Context() { qccrt_context_destroy(handle); }
};

/// The simulator's driver library: beside this program (build tree), or in ../lib (installed).
std::string simulatorPath() {
  std::error_code ignored;
  std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char *place : {"libqccsim.so", "../lib/libqccsim.so"})
    if (std::filesystem::exists(folder / place, ignored))
      return (folder / place).string();
  throw Exit{Unavailable, "no simulator: libqccsim.so is neither beside qcc-run nor in ../lib; build the target "
                          "qccsim, or set QCC_LIBCUDA"};
}

void checkPrompts(Options &options, const qccrt_model_info &model) {
  uint32_t room = UINT32_MAX;
  for (const Prompt &prompt : options.prompts) {
    if (prompt.tokens.empty())
      throw Exit{BadInput, "empty prompt: give at least one token"};
    if (prompt.isText && !model.byte_vocabulary)
      throw Exit{BadInput, "the engine has no byte vocabulary, so --text cannot be turned into tokens; give --tokens"};
    if (prompt.tokens.size() > model.max_context)
      throw Exit{BadInput, "prompt of " + std::to_string(prompt.tokens.size()) +
                               " tokens exceeds the engine's context of " + std::to_string(model.max_context)};
    for (int32_t token : prompt.tokens)
      if (token < 0 || uint32_t(token) >= model.vocabulary)
        throw Exit{BadInput, "token " + std::to_string(token) + " is outside of the vocabulary: ids are 0 to " +
                                 std::to_string(model.vocabulary - 1)};
    // The last token is generated but not fed back.
    room = std::min(room, model.max_context - uint32_t(prompt.tokens.size()) + 1);
  }
  if (!options.maxNew)
    options.maxNew = std::min(32u, room);
  if (*options.maxNew > room)
    throw Exit{BadInput, "--max-new " + std::to_string(*options.maxNew) + " exceeds the engine's context of " +
                             std::to_string(model.max_context) + ": after the longest prompt, at most " +
                             std::to_string(room) + " tokens can be generated"};
}

/// K/V memory for all prompts, or as many as a step can hold.
uint64_t neededKvTokens(const Options &options, const qccrt_model_info &model) {
  std::vector<uint64_t> lengths;
  for (const Prompt &prompt : options.prompts) {
    uint64_t tokens = prompt.tokens.size() + (*options.maxNew ? *options.maxNew - 1 : 0);
    lengths.push_back((tokens + model.page_size - 1) / model.page_size * model.page_size);
  }
  std::sort(lengths.rbegin(), lengths.rend());
  lengths.resize(std::min<size_t>(lengths.size(), model.max_sequences));
  uint64_t total = 0;
  for (uint64_t length : lengths)
    total += length;
  return total;
}

void createContext(const Options &options, const qccrt_model_info &model, const Engine &engine, Context &context) {
  const char *library = std::getenv("QCC_LIBCUDA");
  std::string simulator = options.simulator && !(library && *library) ? simulatorPath() : "";
  qccrt_context_options settings{};
  settings.driver = simulator.empty() ? nullptr : simulator.c_str();
  settings.device = options.device;
  settings.flags = (options.logits.empty() ? 0 : QCCRT_HOST_LOGITS) |
                   (options.simulator ? QCCRT_SEPARATE_ALLOCATIONS : 0) | (options.synchronous ? QCCRT_SYNCHRONOUS : 0);
  settings.kv_tokens = options.kvTokens ? options.kvTokens : neededKvTokens(options, model);
  qccrt_error error;
  qccrt_status status = qccrt_context_create(engine.handle, &settings, &context.handle, &error);
  if ((status == QCCRT_NO_DRIVER || status == QCCRT_NO_DEVICE) && !options.simulator)
    throw Exit{Unavailable, std::string(error.message) +
                                "\n  without a GPU: --device sim runs the same kernels on the PTX simulator"};
  check(status, error);
}

void emitToken(const Prompt &prompt, int32_t token, bool first) {
  if (prompt.isText && token < 256)
    std::putchar(token);
  else if (!prompt.isText)
    std::printf("%s%d", first ? "" : ",", token);
  std::fflush(stdout);
}

void print(const Prompt &prompt, const Answer &answer) {
  for (size_t i = 0; i < answer.tokens.size(); ++i)
    emitToken(prompt, answer.tokens[i], i == 0);
  std::putchar('\n');
}

void reportLoad(const qccrt_context *context, double seconds) {
  qccrt_context_info info;
  qccrt_context_get_info(context, &info);
  std::fprintf(stderr, "device: %s, sm_%u, driver %u.%u\n", info.device_name, info.capability,
               info.driver_version / 1000, info.driver_version % 1000 / 10);
  std::fprintf(
      stderr,
      "loaded in %.2f s: %.1f MiB weights, %.1f MiB arena, %.1f MiB K/V for %llu tokens, %u kernels (%u from PTX)\n",
      seconds, double(info.weight_bytes) / 1048576, double(info.arena_bytes) / 1048576, double(info.kv_bytes) / 1048576,
      static_cast<unsigned long long>(info.kv_tokens), info.cubin_kernels + info.ptx_kernels, info.ptx_kernels);
}

void reportRun(const Statistics &s) {
  std::fprintf(stderr, "prompt: %llu tokens in %.3f s (%.1f tokens/s)\n",
               static_cast<unsigned long long>(s.promptTokens), s.promptSeconds,
               s.promptSeconds > 0 ? double(s.promptTokens) / s.promptSeconds : 0.0);
  if (s.decodeTokens)
    std::fprintf(stderr, "generated: %llu tokens, of these %llu in %.3f s of steps after the prompt (%.1f tokens/s)\n",
                 static_cast<unsigned long long>(s.generatedTokens), static_cast<unsigned long long>(s.decodeTokens),
                 s.decodeSeconds, double(s.decodeTokens) / s.decodeSeconds);
}

void run(Options options) {
  std::error_code absent;
  if (std::filesystem::equivalent(options.logits, options.engine, absent))
    throw Exit{IoError, options.logits + ": --logits would overwrite the engine; name another file"};
  Engine engine;
  Context context;
  qccrt_error error;
  double begin = now();
  check(qccrt_engine_open(options.engine.c_str(), &engine.handle, &error), error);
  qccrt_model_info model;
  qccrt_engine_info(engine.handle, &model);
  checkPrompts(options, model);
  if (options.verify)
    check(qccrt_engine_verify(engine.handle, &error), error);
  createContext(options, model, engine, context);
  if (!options.quiet)
    reportLoad(context.handle, now() - begin);

  std::optional<NpyWriter> logits;
  if (!options.logits.empty())
    logits.emplace(options.logits, model.vocabulary);
  Statistics statistics;
  std::vector<Answer> answers =
      Generator(context.handle, model, options, logits ? &*logits : nullptr).run(emitToken, statistics);
  if (logits)
    logits->finish();
  if (answers.size() == 1)
    std::putchar('\n'); // the tokens were printed as they came
  else
    for (size_t i = 0; i < answers.size(); ++i)
      print(options.prompts[i], answers[i]);
  if (std::fflush(stdout) != 0)
    throw Exit{IoError, "cannot write to standard output"};
  if (!options.quiet)
    reportRun(statistics);
}

} // namespace

int main(int argc, char **argv) {
  try {
    Options options = parseOptions(argc, argv);
    if (options.help)
      printHelp();
    else if (options.version)
      std::puts("qcc-run 0.1.0");
    else
      run(std::move(options));
    return Success;
  } catch (const Exit &exit) {
    std::fprintf(stderr, "qcc-run: error: %s\n", exit.message.c_str());
    return exit.code;
  } catch (const std::bad_alloc &) {
    std::fputs("qcc-run: error: not enough host memory\n", stderr);
    return OutOfMemory;
  } catch (const std::exception &exception) {
    std::fprintf(stderr, "qcc-run: error: internal: %s\n", exception.what());
    return Internal;
  }
}
