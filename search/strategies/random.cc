#include "search/strategies/random.h"

#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "search/math/random.h"
#include "search/space_prior.h"
#include "search/strategies/sequence_strategy.h"
#include "search/strategies/space_walk.h"

namespace assay {
namespace {

class RandomDraws final : public Sequence {
 public:
  RandomDraws(std::shared_ptr<const SearchSpace> space, uint64_t seed)
      : space_(std::move(space)), prior_(*space_), seed_(seed) {}

  int64_t size() const override { return std::numeric_limits<int64_t>::max(); }

  Parameters At(int64_t index) const override {
    Random random(seed_, static_cast<uint64_t>(index));
    std::vector<double> point(space_->encoded_size());
    for (double& u : point) u = random.Uniform();
    return space_->Decode(prior_.FromUniform(std::move(point)));
  }

  std::string Why(int64_t index) const override {
    return absl::StrCat("random draw ", index + 1);
  }

 private:
  const std::shared_ptr<const SearchSpace> space_;
  const SpacePrior prior_;
  const uint64_t seed_;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeRandom(
    std::shared_ptr<const SearchSpace> space, uint64_t seed) {
  auto draws = std::make_unique<RandomDraws>(space, seed);
  auto walk = WalkOfSmallSpace(space, seed);
  return std::make_unique<SequenceStrategy>("random", std::move(space),
                                            std::move(draws), std::move(walk));
}

}  // namespace assay
