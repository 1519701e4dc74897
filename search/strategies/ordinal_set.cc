#include "search/strategies/ordinal_set.h"

#include <algorithm>
#include <iterator>

namespace assay {

void OrdinalSet::Insert(int64_t ordinal) {
  if (NextMissing(ordinal) != ordinal) return;
  int64_t begin = ordinal;
  int64_t end = ordinal + 1;
  auto after = end_by_begin_.upper_bound(ordinal);
  if (after != end_by_begin_.end() && after->first == end) {
    end = after->second;
    after = end_by_begin_.erase(after);
  }
  if (after != end_by_begin_.begin()) {
    const auto before = std::prev(after);
    if (before->second == begin) begin = before->first;
  }
  end_by_begin_[begin] = end;
}

int64_t OrdinalSet::NextMissing(int64_t from) const {
  const auto after = end_by_begin_.upper_bound(from);
  if (after == end_by_begin_.begin()) return from;
  return std::max(from, std::prev(after)->second);
}

}  // namespace assay
