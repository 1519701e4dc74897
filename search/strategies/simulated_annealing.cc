#include "search/strategies/simulated_annealing.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "search/strategies/evolution/fitness.h"
#include "search/strategies/evolution/operators.h"
#include "search/strategies/evolution/variation.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr uint64_t kSalt = 0xBB67AE8584CAA73B;  // For streams of its own.
constexpr double kCooling = 0.95;
constexpr int64_t kResultsOfOneRun = 90;  // 0.95^90 is 1 %.
constexpr double kAcceptedAtStart = 0.8;

bool IsValid(const Observation& trial) {
  return trial.IsComplete() && trial.IsFeasible();
}

class SimulatedAnnealing : public LearningStrategy {
 public:
  explicit SimulatedAnnealing(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("simulated_annealing", std::move(spec)),
        variation_(space(), 0) {}

 protected:
  void Learn(const Observation& observation) override {
    if (IsOwn(observation.origin)) {
      LearnOfNeighbour(observation);
    } else {
      LearnOfOther(observation);
    }
    if (!best_ || Dominates(observation, *best_)) best_ = observation;
  }

  Candidate Propose(absl::Span<const Unfinished> unfinished,
                    Random& random) override {
    const int64_t ordinal = NextOrdinal(unfinished);
    if (!current_) {
      return {RandomParameters(random), "drawn at random: no result yet",
              ordinal};
    }
    std::vector<double> point = Neighbour(random);
    variation_.coordinates().DrawMissing(point, random);
    return {space().Decode(point),
            absl::StrFormat("a neighbour at %.0f %% of the first temperature",
                            100 * Temperature()),
            ordinal};
  }

 private:
  // As a share of the first one.
  double Temperature() const {
    return std::pow(kCooling, static_cast<double>(results_ % kResultsOfOneRun));
  }

  void LearnOfNeighbour(const Observation& neighbour) {
    if (!current_ || Accepts(neighbour)) current_ = neighbour;
    ++results_;
    if (results_ % kResultsOfOneRun == 0) current_ = best_;
  }

  void LearnOfOther(const Observation& trial) {
    if (results_ == 0 && current_ && IsValid(*current_) && IsValid(trial)) {
      losses_.push_back(std::fabs(trial.values[0] - current_->values[0]));
    }
    if (!current_ || Dominates(trial, *current_)) current_ = trial;
  }

  bool Accepts(const Observation& neighbour) const {
    if (!Dominates(*current_, neighbour)) return true;
    if (!IsValid(neighbour) || losses_.empty()) return false;
    const double loss = current_->values[0] - neighbour.values[0];
    const double first = TypicalLoss() / -std::log(kAcceptedAtStart);
    Random random(spec().seed ^ kSalt, results_);
    return random.Uniform() < std::exp(-loss / (first * Temperature()));
  }

  // The median, above 0.
  double TypicalLoss() const {
    std::vector<double> losses = losses_;
    const auto middle = losses.begin() + losses.size() / 2;
    std::nth_element(losses.begin(), middle, losses.end());
    return std::max(*middle, 1e-300);
  }

  std::vector<double> Neighbour(Random& random) const {
    const Coordinates& coordinates = variation_.coordinates();
    std::vector<double> point = current_->point;
    const std::vector<int> active = coordinates.Active(point);
    bool differs = false;
    for (const int i : active) {
      const double u = point[i];
      point[i] = Step(i, u, random);
      differs |= !coordinates.IsSame(i, u, point[i]);
    }
    if (differs) return point;
    const int i = active[random.Below(active.size())];
    point[i] = variation_.MutateOne(i, point[i], random);
    return point;
  }

  double Step(int i, double u, Random& random) const {
    const double r = random.Uniform();
    if (!variation_.coordinates().IsCategorical(i)) {
      return Reflect(u + (2 * r - 1) * Temperature());
    }
    return r < Temperature() ? variation_.coordinates().Other(i, u, random) : u;
  }

  const Variation variation_;
  int64_t results_ = 0;         // Of neighbours.
  std::vector<double> losses_;  // Of start points against the best before.
  std::optional<Observation> current_;
  std::optional<Observation> best_;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeSimulatedAnnealing(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<SimulatedAnnealing>(std::move(spec));
}

}  // namespace assay
