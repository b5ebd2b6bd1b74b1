//===- TokenFile.h - Calibration tokens from files ----------------*- C++ -*-===//
//
// By the file's ending:
//
//   .txt          bytes, for byte vocabularies (256 tokens)
//   .jsonl        a JSON object per line, with `input_ids` or `tokens` (an array of ids) or, for byte vocabularies,
//                 `text` or `content` (a string, read as its UTF-8 bytes)
//   .npy          i32 or i64 ids, [sequences, tokens] or [tokens]
//   .npz          such an array named `input_ids` or `tokens`, or the only one; stored or deflated
//   .safetensors  I32 or I64 tensor `input_ids` or `tokens`, of the same shapes
//
// `attention_mask` beside the ids (an array for the line; of the same shape for an array of ids) marks padding
// with 0, which is left out.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CALIBRATION_TOKENFILE_H
#define QCC_CALIBRATION_TOKENFILE_H

#include "qcc/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace qcc::calib {

struct TokenSet {
  std::vector<std::vector<int32_t>> sequences; ///< none empty, none longer than the window
  std::string source;                          ///< the file's path, for messages
  std::string hash;                            ///< SHA-256 of the sequences (lengths and ids), not of the file

  int64_t tokens() const;
};

/// What calibration needs at least: one sequence judges what the others chose.
constexpr int64_t kLeastSequences = 2, kLeastTokens = 64;
/// The window of every calibration, where the model's context is not shorter: longer sequences cost memory and show
/// little more.
constexpr int64_t kWindow = 2048;

/// Sequences longer than `window` are cut into windows, the rest being a shorter sequence; windows are shorter where
/// `limitTokens` would not hold the least number of them. Where there are more than `limitTokens` tokens in all,
/// sequences are taken evenly over the file. Fails on ids outside [0, vocabulary) with file, place, value and limit; on
/// masks that do more than mark padding; on less than the least; on text for a vocabulary that is not the 256 bytes; on
/// damaged files.
Expected<TokenSet> readTokens(const std::string &path, int64_t vocabulary, int64_t window, int64_t limitTokens);

} // namespace qcc::calib

#endif // QCC_CALIBRATION_TOKENFILE_H
