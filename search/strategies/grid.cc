#include "search/strategies/grid.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/strategies/sequence_strategy.h"
#include "search/strategies/space_walk.h"

namespace assay {

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeGrid(
    std::shared_ptr<const SearchSpace> space, const Algorithm& algorithm,
    uint64_t seed) {
  const int points = algorithm.points_per_continuous;
  if (points < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("algorithm \"grid\": points_per_continuous ", points,
                     ", must be 1 or more"));
  }
  if (!space->Size(points)) {
    return absl::InvalidArgumentError(
        "algorithm \"grid\": more than 2^62 configurations");
  }
  auto walk = std::make_unique<SpaceWalk>(
      space, points,
      algorithm.shuffle ? std::optional<uint64_t>(seed) : std::nullopt);
  return std::make_unique<SequenceStrategy>("grid", std::move(space), nullptr,
                                            std::move(walk));
}

}  // namespace assay
