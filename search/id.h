#pragma once

#include <compare>
#include <cstdint>

namespace assay {

// A database id that cannot be mistaken for the id of something else. Ids are
// positive, grow with creation and are never used again; 0 means none.
template <class Tag>
struct Id {
  int64_t value = 0;
  auto operator<=>(const Id&) const = default;
  explicit operator bool() const { return value != 0; }

  template <typename H>
  friend H AbslHashValue(H h, Id id) {
    return H::combine(std::move(h), id.value);
  }
};

using CheckpointId = Id<struct CheckpointTag>;
using StudyId = Id<struct StudyTag>;
using TrialId = Id<struct TrialTag>;

}  // namespace assay
