#include "search/strategies/regularized_evolution.h"

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

constexpr int kTournament = 10;

class RegularizedEvolution : public LearningStrategy {
 public:
  explicit RegularizedEvolution(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("regularized_evolution", std::move(spec)),
        size_(PopulationSize(this->spec(), 100, kTournament)),
        variation_(space(), 0) {}

 protected:
  void Learn(const Observation& observation) override {
    population_.push_back(observation);
    if (population_.size() > static_cast<size_t>(size_)) {
      population_.pop_front();
    }
  }

  Candidate Propose(absl::Span<const Unfinished>, Random& random) override {
    if (population_.empty()) {
      return {RandomParameters(random), "drawn at random: no result yet"};
    }
    std::vector<double> point = population_[Select(random)].point;
    const std::vector<int> active = variation_.coordinates().Active(point);
    const int i = active[random.Below(active.size())];
    point[i] = Changed(i, point[i], random);
    variation_.coordinates().DrawMissing(point, random);
    return {space().Decode(point),
            absl::StrCat("the best of ", kTournament, " drawn from the last ",
                         population_.size(), " with another ",
                         space().parameters()[i].name)};
  }

 private:
  int Select(Random& random) const {
    const auto better = [&](int i, int k) {
      return Dominates(population_[i], population_[k]);
    };
    return Tournament(static_cast<int>(population_.size()), kTournament, better,
                      random);
  }

  // Anywhere in the range or, half of the time, close by.
  double Changed(int i, double u, Random& random) const {
    return random.Below(2) == 1 ? variation_.MutateOne(i, u, random)
                                : random.Uniform();
  }

  const int size_;
  const Variation variation_;
  std::deque<Observation> population_;  // The oldest first.
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeRegularizedEvolution(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<RegularizedEvolution>(std::move(spec));
}

}  // namespace assay
