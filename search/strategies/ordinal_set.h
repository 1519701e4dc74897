#pragma once

#include <cstdint>
#include <map>

namespace assay {

// A set of numbers from 0 that grows nearly in order: kept as intervals, so
// that memory is a matter of its gaps, not of its size.
class OrdinalSet {
 public:
  // REQUIRES: ordinal >= 0.
  void Insert(int64_t ordinal);

  // The smallest number >= `from` that is not in the set.
  int64_t NextMissing(int64_t from) const;

  int intervals() const { return static_cast<int>(end_by_begin_.size()); }

 private:
  std::map<int64_t, int64_t> end_by_begin_;  // [begin, end), never touching.
};

}  // namespace assay
