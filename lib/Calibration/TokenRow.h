//===- TokenRow.h - A sequence as a token file has it -------------*- C++ -*-===//
#ifndef QCC_LIB_CALIBRATION_TOKENROW_H
#define QCC_LIB_CALIBRATION_TOKENROW_H

#include "qcc/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace qcc::calib {

/// The member of a file that says which ids are padding, as tokenizers write it.
inline constexpr const char *kMaskName = "attention_mask";

struct TokenRow {
  std::vector<int64_t> ids;
  size_t first = 0; ///< place of ids.front() in the file's sequence, behind padding
};

/// Leaves out the padding: ids at both ends where `mask` is 0. It must hold 0 or 1 for each id; zeros between ones are
/// refused, for sequences are run as they are, without a mask. `where` names the sequence in messages.
Status cutPadding(TokenRow &row, const std::vector<int64_t> &mask, const std::string &where);

} // namespace qcc::calib

#endif // QCC_LIB_CALIBRATION_TOKENROW_H
