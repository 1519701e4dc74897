#include "search/strategies/cma_es.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "search/strategies/cma_es/mixed_distribution.h"
#include "search/strategies/cma_es/stagnation.h"
#include "search/strategies/evolution/fitness.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr double kSigma = 1.0 / 6;
constexpr int kDraws = 100;  // In search of one that is of use.
// What sets streams of its own apart from those of other uses of the seed.
constexpr uint64_t kNoiseSeed = 0x636d615f6e6f6973;    // By generation.
constexpr uint64_t kRestartSeed = 0x636d615f72657374;  // By restart.

// NaN, an inactive parameter, equals nothing.
std::vector<double> WithoutNaN(std::vector<double> point) {
  for (double& u : point) u = std::isnan(u) ? -1 : u;
  return point;
}

class CmaEs : public LearningStrategy {
 public:
  explicit CmaEs(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("cma_es", std::move(spec)),
        is_finite_(space().Size().has_value()),
        population_(MixedDistribution::DefaultPopulation(space())),
        distribution_(std::in_place, space(), Centre(), kSigma, population_),
        stagnation_(space().encoded_size(), population_) {}

 protected:
  void Learn(const Observation& observation) override {
    if (is_finite_ && observation.id) {
      seen_.insert(WithoutNaN(observation.point));
    }
    if (!IsOwn(observation.origin)) {
      LearnOfOther(observation);
    } else if (observation.origin.ordinal >= first_generation_) {
      own_.push_back(observation);
    }
    if (static_cast<int>(own_.size()) == population_) Advance();
  }

  Candidate Propose(absl::Span<const Unfinished> unfinished,
                    Random& random) override {
    Parameters parameters;
    for (int draw = 0; draw < kDraws; ++draw) {
      parameters = space().Decode(distribution_->Draw(random));
      if (IsOfUse(parameters, unfinished)) break;
    }
    return {.parameters = std::move(parameters),
            .why = Why(),
            .ordinal = generation_};
  }

 private:
  // Keeps the constraints and, where that can be, was not there before.
  bool IsOfUse(const Parameters& parameters,
               absl::Span<const Unfinished> unfinished) const {
    if (!space().Satisfies(parameters)) return false;
    if (!is_finite_) return true;
    const auto is_same = [&](const Unfinished& trial) {
      return trial.parameters == parameters;
    };
    return !seen_.contains(WithoutNaN(space().Encode(parameters))) &&
           std::none_of(unfinished.begin(), unfinished.end(), is_same);
  }

  std::vector<double> Centre() const {
    return std::vector<double>(space().encoded_size(), 0.5);
  }

  // The best before the first result is where the search begins.
  void LearnOfOther(const Observation& observation) {
    if (!observation.IsComplete() || !observation.IsFeasible()) return;
    if (best_other_ && !Dominates(observation, *best_other_)) return;
    best_other_ = observation;
    if (generation_ == 0 && own_.empty()) {
      distribution_->SetMean(observation.point);
    }
  }

  // A population of which none has a result says nothing.
  void Advance() {
    std::stable_sort(own_.begin(), own_.end(), Dominates);
    const Observation best = own_[0];
    if (best.HasFailed()) return own_.clear();
    if (best_other_ && Dominates(*best_other_, best)) {
      std::rotate(own_.begin(), own_.end() - 1, own_.end());
      own_[0] = *std::exchange(best_other_, std::nullopt);
    }
    std::vector<std::vector<double>> ranked;
    for (const Observation& trial : own_) ranked.push_back(trial.point);
    own_.clear();
    Random noise(spec().seed ^ kNoiseSeed, generation_);
    distribution_->Update(ranked, noise);
    ++generation_;
    stagnation_.Add(best.values[0]);
    if (stagnation_.IsStuck() || distribution_->IsSpent()) Restart();
  }

  void Restart() {
    ++restarts_;
    population_ *= 2;
    first_generation_ = generation_;
    best_other_.reset();
    Random random(spec().seed ^ kRestartSeed, restarts_);
    std::vector<double> mean = Centre();
    for (double& u : mean) u = random.Uniform();
    distribution_.emplace(space(), mean, kSigma, population_);
    stagnation_ = Stagnation(space().encoded_size(), population_);
  }

  std::string Why() const {
    return absl::StrCat(
        "drawn from the distribution of generation ", generation_ + 1,
        restarts_ > 0 ? absl::StrCat(", restart ", restarts_) : "");
  }

  const bool is_finite_;
  absl::flat_hash_set<std::vector<double>> seen_;  // If is_finite_.
  int population_;
  int64_t generation_ = 0;        // Counts on over restarts.
  int64_t first_generation_ = 0;  // Of this restart.
  int64_t restarts_ = 0;
  std::optional<MixedDistribution> distribution_;  // Always there.
  Stagnation stagnation_;
  std::vector<Observation> own_;  // Since the last update.
  std::optional<Observation> best_other_;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeCmaEs(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<CmaEs>(std::move(spec));
}

}  // namespace assay
