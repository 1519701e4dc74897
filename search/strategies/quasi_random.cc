#include "search/strategies/quasi_random.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/math/sobol.h"
#include "search/space_prior.h"
#include "search/strategies/sequence_strategy.h"
#include "search/strategies/space_walk.h"

namespace assay {
namespace {

class SobolDraws final : public Sequence {
 public:
  SobolDraws(std::shared_ptr<const SearchSpace> space, uint64_t seed)
      : space_(std::move(space)),
        prior_(*space_),
        sobol_(space_->encoded_size(), seed) {}

  int64_t size() const override { return std::numeric_limits<int64_t>::max(); }

  Parameters At(int64_t index) const override {
    return space_->Decode(prior_.FromUniform(sobol_.Point(index)));
  }

  std::string Why(int64_t index) const override {
    return absl::StrCat("point ", index + 1, " of a scrambled Sobol sequence");
  }

 private:
  const std::shared_ptr<const SearchSpace> space_;
  const SpacePrior prior_;
  const ScrambledSobol sobol_;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeQuasiRandom(
    std::shared_ptr<const SearchSpace> space, uint64_t seed) {
  auto draws = std::make_unique<SobolDraws>(space, seed);
  auto walk = WalkOfSmallSpace(space, seed);
  return std::make_unique<SequenceStrategy>("quasi_random", std::move(space),
                                            std::move(draws), std::move(walk));
}

}  // namespace assay
