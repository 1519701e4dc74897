#include "search/strategies/nsga2.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/strategies/evolution/non_dominated_sort.h"
#include "search/strategies/evolution/population_size.h"
#include "search/strategies/evolution/tournament.h"
#include "search/strategies/evolution/variation.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr double kEtaOfOne = 2;  // With one objective.
constexpr double kEtaOfSeveral = 20;
constexpr double kCrossover = 0.9;  // Else a mutated copy of one parent.

class Nsga2 : public LearningStrategy {
 public:
  explicit Nsga2(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("nsga2", std::move(spec)),
        size_(PopulationSize(this->spec(), 50, 10)),
        variation_(space(), Objectives(this->spec()).size() > 1 ? kEtaOfSeveral
                                                                : kEtaOfOne) {}

 protected:
  int64_t StartTrials() const override {
    return std::max<int64_t>(LearningStrategy::StartTrials(), size_ / 2);
  }

  void Learn(const Observation& observation) override {
    population_.push_back(observation);
    ranks_ = NonDominatedSort(population_);
    if (static_cast<int>(population_.size()) <= size_) return;
    const auto last = std::max_element(ranks_.begin(), ranks_.end(), Precedes);
    population_.erase(population_.begin() + (last - ranks_.begin()));
    ranks_.erase(last);  // It dominated nothing: the other fronts stay.
  }

  Candidate Propose(absl::Span<const Unfinished>, Random& random) override {
    if (population_.empty()) {
      return {RandomParameters(random), "drawn at random: no result yet"};
    }
    const int a = Select(random), b = Select(random);
    std::vector<double> child = population_[a].point;
    if (random.Uniform() < kCrossover) {
      child = variation_.Cross(child, population_[b].point, random);
    }
    variation_.Mutate(population_[a].point, child, random);
    variation_.coordinates().DrawMissing(child, random);
    return {space().Decode(child), Why(a, b)};
  }

 private:
  int Select(Random& random) const {
    const auto better = [&](int i, int k) {
      return Precedes(ranks_[i], ranks_[k]);
    };
    return Tournament(static_cast<int>(ranks_.size()), 2, better, random);
  }

  std::string Why(int a, int b) const {
    return absl::StrCat("a child of trials in fronts ", ranks_[a].front + 1,
                        " and ", ranks_[b].front + 1, " of ",
                        population_.size(), " trials");
  }

  const int size_;
  const Variation variation_;
  std::vector<Observation> population_;
  std::vector<Rank> ranks_;  // Of `population_`.
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeNsga2(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<Nsga2>(std::move(spec));
}

}  // namespace assay
