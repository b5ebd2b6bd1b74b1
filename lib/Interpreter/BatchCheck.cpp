//===- BatchCheck.cpp - Indices of a step ---------------------------------===//

#include "BatchCheck.h"
#include "qcc/Support/Text.h"

namespace qcc::interp {
namespace {

Error refuse(const std::string &what) { return {what, ExitCode::Usage}; }

Status checkRange(const char *name, std::span<const int32_t> values, int64_t limit) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] < 0 || values[i] >= limit)
      return refuse(text(name, "[", i, "] = ", values[i], " must be in [0, ", limit, ")"));
  return {};
}

} // namespace

Status checkBatch(const RaggedBatch &batch, const BatchLimits &limits) {
  size_t tokens = batch.tokens.size(), sequences = batch.contextLens.size();
  if (tokens == 0 || sequences == 0)
    return refuse("the batch is empty; a step needs at least one token");
  if (batch.positions.size() != tokens || batch.slots.size() != tokens || batch.seqStarts.size() != sequences + 1 ||
      batch.blockTables.size() % sequences != 0)
    return refuse("the batch's vectors disagree in length");
  if (batch.seqStarts.front() != 0 || batch.seqStarts.back() != int32_t(tokens))
    return refuse(text("seq_starts must run from 0 to ", tokens));
  for (size_t i = 0; i < tokens; ++i)
    if (batch.tokens[i] < 0 || batch.tokens[i] >= limits.vocabulary)
      return refuse(text("token ", batch.tokens[i], " (number ", i, ") is outside the vocabulary of ",
                         limits.vocabulary, " tokens"));
  if (Status status = checkRange("slots", batch.slots, limits.pages * limits.pageSize); !status)
    return status;
  if (Status status = checkRange("block_tables", batch.blockTables, limits.pages); !status)
    return status;
  if (Status status = checkRange("logit_rows", batch.logitRows, int64_t(tokens)); !status)
    return status;
  size_t pagesPerSequence = batch.blockTables.size() / sequences;
  for (size_t b = 0; b < sequences; ++b) {
    int64_t fresh = int64_t(batch.seqStarts[b + 1]) - batch.seqStarts[b], length = batch.contextLens[b];
    if (fresh < 0 || length < fresh || length > int64_t(pagesPerSequence) * limits.pageSize)
      return refuse(text("sequence ", b, ": ", fresh, " new tokens, context ", length, " and ", pagesPerSequence,
                         " pages of ", limits.pageSize, " do not fit together"));
    for (int64_t i = 0; i < fresh; ++i)
      if (int64_t position = batch.positions[size_t(batch.seqStarts[b] + i)]; position != length - fresh + i)
        return refuse(
            text("sequence ", b, ": new token ", i, " has position ", position, ", must be ", length - fresh + i));
  }
  return {};
}

} // namespace qcc::interp
