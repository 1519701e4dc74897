#pragma once

#include <memory>
#include <optional>

#include "search/math/permutation.h"
#include "search/mixed_radix.h"
#include "search/search_space.h"
#include "search/strategies/sequence.h"

namespace assay {

// Each configuration of a countable space once, in mixed-radix order or in a
// random one.
class SpaceWalk final : public Sequence {
 public:
  // In random order with a `seed`. See SearchSpace::Size() for the points.
  // REQUIRES: the space has a size with these.
  SpaceWalk(std::shared_ptr<const SearchSpace> space, int points_per_continuous,
            std::optional<uint64_t> seed);

  int64_t size() const override { return *radix_.size(); }
  Parameters At(int64_t index) const override;
  std::string Why(int64_t index) const override;

 private:
  const std::shared_ptr<const SearchSpace> space_;
  const MixedRadix radix_;
  std::optional<Permutation> order_;
};

// Each configuration of a space once, in random order: how strategies that draw
// find the last unused ones. nullptr if there are more than 2^20.
std::unique_ptr<const Sequence> WalkOfSmallSpace(
    std::shared_ptr<const SearchSpace> space, uint64_t seed);

}  // namespace assay
