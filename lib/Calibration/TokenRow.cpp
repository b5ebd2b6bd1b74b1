//===- TokenRow.cpp -------------------------------------------------------===//

#include "TokenRow.h"
#include "qcc/Support/Text.h"

#include <algorithm>

namespace qcc::calib {

Status cutPadding(TokenRow &row, const std::vector<int64_t> &mask, const std::string &where) {
  auto refuse = [&](const std::string &why) { return Error{text(where, ": ", kMaskName, " ", why)}; };
  if (mask.size() != row.ids.size())
    return refuse(text("has ", mask.size(), " entries for ", row.ids.size(), " token ids; it needs one for each"));
  auto other = std::find_if(mask.begin(), mask.end(), [](int64_t entry) { return entry != 0 && entry != 1; });
  if (other != mask.end())
    return refuse(text("is ", *other, " at token ", other - mask.begin(), "; must be 0 or 1"));
  auto begin = std::find(mask.begin(), mask.end(), 1);
  auto end = std::find(mask.rbegin(), std::make_reverse_iterator(begin), 1).base();
  if (auto hole = std::find(begin, end, 0); hole != end)
    return refuse(text("masks token ", hole - mask.begin(),
                       " with others on both sides; only padding at the ends can be left out: give the parts as "
                       "sequences of their own"));
  row.first = size_t(begin - mask.begin());
  row.ids.erase(row.ids.begin() + (end - mask.begin()), row.ids.end());
  row.ids.erase(row.ids.begin(), row.ids.begin() + (begin - mask.begin()));
  return {};
}

} // namespace qcc::calib
