#include "search/strategies/simulated_annealing.h"

#include <algorithm>
#include <cmath>
#include <deque>
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
constexpr int kCoolingsAtEnd = 90;      // 0.95^90 is 1 %.
constexpr int kCoolingsAtRestart = 30;  // 0.95^30 is 21 %.
constexpr size_t kRecentLosses = 20;
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
    if (!best_ || Dominates(observation, *best_)) best_ = observation;
    NoteLoss(observation);
    if (IsOwn(observation.origin)) {
      LearnOfNeighbour(observation);
    } else if (!current_ || Dominates(observation, *current_)) {
      current_ = observation;
    }
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
  double Temperature() const { return std::pow(kCooling, coolings_); }

  void LearnOfNeighbour(const Observation& neighbour) {
    if (!current_ || Accepts(neighbour)) current_ = neighbour;
    ++results_;
    if (++coolings_ < kCoolingsAtEnd) return;
    coolings_ = kCoolingsAtRestart;
    current_ = best_;
  }

  // If the trial is worse than the current point.
  void NoteLoss(const Observation& trial) {
    if (!current_ || !IsValid(*current_) || !IsValid(trial)) return;
    const double loss = current_->values[0] - trial.values[0];
    if (loss <= 0) return;
    losses_.push_back(loss);
    if (losses_.size() > kRecentLosses) losses_.pop_front();
  }

  bool Accepts(const Observation& neighbour) const {
    if (!Dominates(*current_, neighbour)) return true;
    if (!IsValid(neighbour) || losses_.empty()) return false;
    const double loss = current_->values[0] - neighbour.values[0];
    const double first = TypicalLoss() / -std::log(kAcceptedAtStart);
    Random random(spec().seed ^ kSalt, results_);
    return random.Uniform() < std::exp(-loss / (first * Temperature()));
  }

  // The median.
  double TypicalLoss() const {
    std::vector<double> losses(losses_.begin(), losses_.end());
    const auto middle = losses.begin() + losses.size() / 2;
    std::nth_element(losses.begin(), middle, losses.end());
    return *middle;
  }

  std::vector<double> Neighbour(Random& random) const {
    const Coordinates& coordinates = variation_.coordinates();
    std::vector<double> point = current_->point;
    const std::vector<int> active = coordinates.Active(point);
    const double chance = 1 / static_cast<double>(active.size());
    const int forced = active[random.Below(active.size())];
    bool differs = false;
    for (const int i : active) {
      if (i != forced && random.Uniform() >= chance) continue;
      const double u = point[i];
      point[i] = Step(i, u, random);
      differs |= !coordinates.IsSame(i, u, point[i]);
    }
    if (!differs)
      point[forced] = variation_.MutateOne(forced, point[forced], random);
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
  int coolings_ = 0;
  int64_t results_ = 0;        // Of neighbours.
  std::deque<double> losses_;  // The last, against the current point of then.
  std::optional<Observation> current_;
  std::optional<Observation> best_;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeSimulatedAnnealing(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<SimulatedAnnealing>(std::move(spec));
}

}  // namespace assay
