#include "search/strategies/bayesian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "search/gp/acquisition_optimizer.h"
#include "search/gp/acquisition_surface.h"
#include "search/gp/candidate_space.h"
#include "search/gp/portfolio.h"
#include "search/gp/prior_pull.h"
#include "search/gp/success_box.h"
#include "search/gp/surrogate.h"
#include "search/gp/trust_region.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr int kMutated = 5;    // Best trials that candidates are made of.
constexpr int kBoxAbove = 20;  // Parameters: a box around the best trial.
constexpr double kRegionUpTo = 0.5;
constexpr double kLowSignal = 0.7;  // Signal to noise, variances.

// Vizier's chances that a proposal explores: after a result, the same where
// noise hides the signal, and with another proposal just made.
constexpr double kExploreAfterResult = 0.1;
constexpr double kExploreInNoise = 0.7;
constexpr double kExploreAfterProposal = 0.75;

BayesianOptions::Arms ArmsOf(const StudySpec& spec) {
  using Arms = BayesianOptions::Arms;
  const Arms arms = spec.algorithm.bayesian.arms;
  if (arms != Arms::kAuto) return arms;
  return Objectives(spec).size() > 1 ? Arms::kAlternate
                                     : Arms::kConfidenceBound;
}

bool AsksGradientsOfObjective(const StudySpec& spec) {
  if (!spec.gradients.exists()) return false;
  const std::vector<int> objectives = Objectives(spec);
  return std::any_of(objectives.begin(), objectives.end(), [&](int k) {
    return spec.metrics[k].name == spec.gradients.metric;
  });
}

class Bayesian final : public LearningStrategy {
 public:
  explicit Bayesian(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("bayesian", spec),
        options_(spec->algorithm.bayesian),
        arms_(ArmsOf(*spec)),
        asks_gradients_(AsksGradientsOfObjective(*spec)),
        candidates_(this->space()),
        surrogate_(spec),
        box_(candidates_.size()) {}

  // Gradients come with reports, to the end of the study.
  bool WantsReports() const override {
    return asks_gradients_ ||
           (!spec().stopping.empty() && surrogate_.WantsCurves());
  }

 protected:
  void Learn(const Observation& observation) override {
    surrogate_.Learn(observation);
    if (observation.id) taken_.insert(KeyOf(observation.point));
    const bool compares = spec().schedule.exists() && observation.IsStopped();
    if (observation.IsComplete() || compares) {
      box_.Learn(observation.values[0]);
    }
    any_result_ |= observation.IsComplete() || observation.IsStopped();
  }

  void LearnLonger(const Observation& observation) override {
    surrogate_.LearnLonger(observation);
  }

  bool ComparesSteps() const override { return true; }

  // Until there is something to model, however many may run at once.
  int64_t StartTrials() const override {
    if (!any_result_) return std::numeric_limits<int64_t>::max();
    return options_.start_trials + (has_sources_ ? kPortfolio : 0) +
           (prior().IsUniform() ? 0 : 1);
  }

  void LearnOfSources(const TransferSources& sources) override {
    surrogate_.SetSources(sources);
    has_sources_ = true;
  }

  Candidate Propose(absl::Span<const Unfinished> unfinished,
                    Random& random) override {
    if (!surrogate_.Update()) return AnyPoint("no trial has a result", random);
    surrogate_.SetPending(PointsOf(unfinished));
    const Arm arm = ChooseArm(unfinished, random);
    const ArmAcquisition made =
        MakeAcquisition(arm, surrogate_, spec().seed,
                        prior().IsUniform() ? AcquisitionUnit::kModel
                                            : AcquisitionUnit::kLogarithm);
    const std::optional<PriorPull> pull = PullFor(arm);
    const auto found =
        Maximize(arm, *made.acquisition, pull, unfinished, random);
    if (!found) return AnyPoint("found no new point", random);
    return {space().Decode(
                absl::MakeConstSpan(found->point.data(), candidates_.size())),
            absl::StrCat(Why(arm, made.incumbent, found->point),
                         PullInWords(pull))};
  }

 private:
  Candidate AnyPoint(const char* because, Random& random) const {
    return {RandomParameters(random), absl::StrCat("at random: ", because)};
  }

  uint64_t KeyOf(const std::vector<double>& point) const {
    return candidates_.Key(
        Eigen::Map<const Eigen::VectorXd>(point.data(), candidates_.size()));
  }

  static std::vector<std::vector<double>> PointsOf(
      absl::Span<const Unfinished> unfinished) {
    std::vector<std::vector<double>> points;
    for (const Unfinished& trial : unfinished) points.push_back(trial.point);
    return points;
  }

  Arm ChooseArm(absl::Span<const Unfinished> unfinished, Random& random) const {
    const bool explores = Explores(unfinished, random.Uniform());
    if (explores) return Arm::kExploration;
    switch (arms_) {
      case BayesianOptions::Arms::kImprovement:
        return Arm::kImprovement;
      case BayesianOptions::Arms::kAlternate:
        return Turn(unfinished);
      default:
        return Arm::kConfidenceBound;
    }
  }

  // The number of configurations so far decides.
  Arm Turn(absl::Span<const Unfinished> unfinished) const {
    const size_t ordinal =
        static_cast<size_t>(surrogate_.observations()) + unfinished.size();
    return ordinal % 2 == 0 ? Arm::kConfidenceBound : Arm::kImprovement;
  }

  bool Explores(absl::Span<const Unfinished> unfinished, double draw) const {
    if (options_.pending != BayesianOptions::Pending::kExplore ||
        unfinished.empty() || surrogate_.objectives() > 1) {
      return false;
    }
    if (!unfinished.back().id) return draw < kExploreAfterProposal;
    const Hyperparameters& fitted =
        surrogate_.objective(0).process().hyperparameters();
    const bool noisy =
        fitted.signal_variance < kLowSignal * fitted.noise_variance;
    return draw < (noisy ? kExploreInNoise : kExploreAfterResult);
  }

  std::optional<AcquisitionOptimizer::Found> Maximize(
      Arm arm, const Acquisition& acquisition,
      const std::optional<PriorPull>& pull,
      absl::Span<const Unfinished> unfinished, Random& random) const {
    const AcquisitionSurface surface(surrogate_.processes(), acquisition, pull);
    const TrustRegion region = RegionFor(arm, unfinished);
    const std::vector<Eigen::VectorXd> best = BestPoints(kMutated);
    absl::flat_hash_set<uint64_t> taken = taken_;
    for (const Unfinished& trial : unfinished) taken.insert(KeyOf(trial.point));
    return AcquisitionOptimizer(candidates_)
        .Maximize({surface, region, best, taken}, random);
  }

  std::optional<PriorPull> PullFor(Arm arm) const {
    if (prior().IsUniform() || arm == Arm::kExploration) return std::nullopt;
    std::vector<double> log_priors;
    for (const int i : surrogate_.BestRows(surrogate_.rows())) {
      log_priors.push_back(LogPriorAt(surrogate_.row(i).point));
    }
    return PriorPull{prior(), PriorWeight(log_priors)};
  }

  // "; the priors with a weight of 0.03"
  static std::string PullInWords(const std::optional<PriorPull>& pull) {
    if (!pull || pull->weight == 0) return "";
    return absl::StrFormat("; the priors with a weight of %.2g", pull->weight);
  }

  double LogPriorAt(const Eigen::VectorXd& point) const {
    return prior().LogDensity(
        absl::MakeConstSpan(point.data(), candidates_.size()));
  }

  std::vector<Eigen::VectorXd> BestPoints(int count) const {
    std::vector<Eigen::VectorXd> best;
    for (const int i : surrogate_.BestRows(count)) {
      best.push_back(surrogate_.row(i).point);
    }
    return best;
  }

  TrustRegion RegionFor(Arm arm,
                        absl::Span<const Unfinished> unfinished) const {
    TrustRegion region(candidates_);
    if (!options_.trust_region) return region;
    if (candidates_.size() > kBoxAbove) {
      AddBoxOfBest(region);
    } else if (arm != Arm::kImprovement) {
      AddBoxesOfTrials(region, unfinished);
    }
    return region;
  }

  void AddBoxesOfTrials(TrustRegion& region,
                        absl::Span<const Unfinished> unfinished) const {
    const int trials =
        surrogate_.points() + static_cast<int>(unfinished.size());
    const double radius = TrustRegion::Radius(trials, candidates_.size());
    if (radius > kRegionUpTo) return;
    for (int i = 0; i < surrogate_.points(); ++i) {
      region.AddBox(surrogate_.point(i), radius);
    }
    for (const Unfinished& trial : unfinished) {
      region.AddBox(Eigen::Map<const Eigen::VectorXd>(trial.point.data(),
                                                      candidates_.size()),
                    radius);
    }
  }

  // Longer where the lengthscale is, of the same volume.
  void AddBoxOfBest(TrustRegion& region) const {
    const Eigen::ArrayXd logs = surrogate_.objective(0)
                                    .process()
                                    .hyperparameters()
                                    .inverse_squared_lengthscales.array()
                                    .log();
    const Eigen::ArrayXd widths = (-(logs - logs.mean()) / 2).exp();
    region.AddBox(BestPoints(1)[0], box_.side() / 2 * widths.matrix());
  }

  // "expected improvement: loss 0.12 +- 0.03, the best so far is 0.15; from 57
  // results, fitted at 57".
  std::string Why(Arm arm, double incumbent,
                  const Eigen::VectorXd& point) const {
    const MetricModel& model = surrogate_.objective(0);
    const Eigen::MatrixXd x =
        surrogate_.features().EmbedRows(point.transpose());
    const Posterior posterior = model.process().Predict(x);
    const double mean = posterior.mean[0];
    const double deviation = std::sqrt(posterior.variance[0]);
    const MetricSpec& metric = spec().metrics[Objectives(spec())[0]];
    const double sign = metric.goal == Goal::kMaximize ? 1 : -1;
    const double spread =
        (model.Natural(mean + deviation) - model.Natural(mean - deviation)) / 2;
    return absl::StrFormat(
        "%s: expects %s %.4g +- %.2g%s, of the best trial %.4g; from %d "
        "results%s, fitted at %d%s",
        ToText(arm), metric.name, sign * model.Natural(mean), spread,
        surrogate_.step() ? absl::StrCat(" at step ", *surrogate_.step()) : "",
        sign * model.Natural(incumbent), surrogate_.observations(),
        WithGradients(), surrogate_.fitted_at(), GradientsLeftOut());
  }

  // " with 23 gradients"
  std::string WithGradients() const {
    int count = 0;
    for (int k = 0; k < surrogate_.objectives(); ++k) {
      count += surrogate_.objective(k).process().derivatives().size();
    }
    if (count == 0) return "";
    return absl::StrCat(" with ", count,
                        count == 1 ? " gradient" : " gradients");
  }

  // "; gradients left out: with them each value is predicted worse, log score
  // 0.31 instead of 0.52"
  std::string GradientsLeftOut() const {
    for (int k = 0; k < surrogate_.objectives(); ++k) {
      const auto& choice = surrogate_.objective(k).derivative_choice();
      if (!choice || choice->used) continue;
      if (std::isnan(choice->with)) return "; gradients left out: mere noise";
      return absl::StrFormat(
          "; gradients left out: with them each value is predicted worse, log "
          "score %.3g instead of %.3g",
          choice->with, choice->without);
    }
    return "";
  }

  const BayesianOptions options_;
  const BayesianOptions::Arms arms_;
  const bool asks_gradients_;
  const CandidateSpace candidates_;
  Surrogate surrogate_;
  SuccessBox box_;
  absl::flat_hash_set<uint64_t> taken_;
  bool any_result_ = false;
  bool has_sources_ = false;
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeBayesian(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<Bayesian>(std::move(spec));
}

}  // namespace assay
