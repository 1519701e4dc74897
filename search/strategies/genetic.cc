#include "search/strategies/genetic.h"

#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/strategies/evolution/fitness.h"
#include "search/strategies/evolution/population_size.h"
#include "search/strategies/evolution/tournament.h"
#include "search/strategies/evolution/variation.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr double kCrossoverEta = 2;

class Genetic : public LearningStrategy {
 public:
  explicit Genetic(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("genetic", std::move(spec)),
        size_(PopulationSize(this->spec(), 50, 10)),
        variation_(space(), kCrossoverEta) {}

 protected:
  // The elite is in front, the others behind by age.
  void Learn(const Observation& observation) override {
    population_.push_back(observation);
    if (Dominates(population_.back(), population_.front())) {
      std::swap(population_.back(), population_.front());
    }
    if (static_cast<int>(population_.size()) > size_ + 1) {
      population_.erase(population_.begin() + 1);
    }
  }

  Candidate Propose(absl::Span<const Unfinished>, Random& random) override {
    if (population_.empty()) {
      return {RandomParameters(random), "drawn at random: no result yet"};
    }
    const std::vector<double>& parent = Select(random).point;
    std::vector<double> child =
        variation_.Cross(parent, Select(random).point, random);
    variation_.Mutate(parent, child, random);
    variation_.coordinates().DrawMissing(child, random);
    return {space().Decode(child),
            absl::StrCat("a child of two of the last ", population_.size())};
  }

 private:
  const Observation& Select(Random& random) const {
    const auto better = [&](int i, int k) {
      return Dominates(population_[i], population_[k]);
    };
    return population_[Tournament(static_cast<int>(population_.size()), 2,
                                  better, random)];
  }

  const int size_;
  const Variation variation_;
  std::deque<Observation> population_;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeGenetic(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<Genetic>(std::move(spec));
}

}  // namespace assay
