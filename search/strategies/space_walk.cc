#include "search/strategies/space_walk.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace assay {

SpaceWalk::SpaceWalk(std::shared_ptr<const SearchSpace> space,
                     int points_per_continuous, std::optional<uint64_t> seed)
    : space_(std::move(space)), radix_(*space_, points_per_continuous) {
  if (seed) order_.emplace(size(), *seed);
}

Parameters SpaceWalk::At(int64_t index) const {
  return radix_.At(order_ ? (*order_)(index) : index);
}

std::string SpaceWalk::Why(int64_t index) const {
  return absl::StrCat("configuration ", index + 1, " of ", size(),
                      order_ ? ", shuffled" : "");
}

std::unique_ptr<const Sequence> WalkOfSmallSpace(
    std::shared_ptr<const SearchSpace> space, uint64_t seed) {
  constexpr int64_t kMaxSize = int64_t{1} << 20;
  const std::optional<int64_t> size = space->Size();
  if (!size || *size > kMaxSize) return nullptr;
  return std::make_unique<SpaceWalk>(std::move(space), 0, seed);
}

}  // namespace assay
