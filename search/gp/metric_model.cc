#include "search/gp/metric_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "search/gp/transfer_fit.h"
#include "search/gp/transfer_mean.h"

namespace assay {
namespace {

constexpr int kWarmAbove = 100;  // Rows.
// What the sources may be expected to explain, of the targets' deviation.
constexpr std::array<double, 5> kScales = {0, 0.5, 1, 2, 4};
constexpr size_t kMostDerivatives = 200;
constexpr double kMereNoise = 10;  // Hyperparameters::derivative_noise.
constexpr uint64_t kDerivativeStream = uint64_t{1} << 32;

bool IsNoise(const Hyperparameters& fitted) {
  return fitted.derivative_noise.value_or(0) > kMereNoise;
}

Priors PriorsOf(const BayesianOptions& options) {
  switch (options.prior) {
    case BayesianOptions::Prior::kGamma:
      return Priors::kGamma;
    case BayesianOptions::Prior::kDimensionScaled:
      return Priors::kDimensionScaled;
    case BayesianOptions::Prior::kLogSquared:
      return Priors::kLogSquared;
    default:
      return Priors::kAuto;
  }
}

Eigen::VectorXd Bilog(const Eigen::VectorXd& values) {
  const Eigen::VectorXd logs =
      values.array().sign() * values.array().abs().log1p();
  const double rms = logs.stableNorm() / std::sqrt(double(logs.size()));
  return rms > 0 ? Eigen::VectorXd(logs / rms) : logs;
}

}  // namespace

MetricModel::MetricModel(Role role, Features features, BayesianOptions options,
                         uint64_t seed)
    : role_(role),
      features_(std::move(features)),
      options_(options),
      seed_(seed),
      kind_(options.transform == BayesianOptions::Transform::kStandardize ||
                    role != Role::kObjective
                ? Kind::kStandardize
                : Kind::kHalfRankLog) {}

std::vector<OutputTransform::Kind> MetricModel::KindsToTry(bool anchor) const {
  const bool open = role_ == Role::kObjective &&
                    options_.transform == BayesianOptions::Transform::kAuto;
  if (!open || !anchor) return {kind_};
  return {Kind::kHalfRankLog, Kind::kStandardize};
}

MapFitOptions MetricModel::OptionsFor(const FitKey& key, int rows) const {
  MapFitOptions options{.priors = PriorsOf(options_),
                        .warm = rows > kWarmAbove};
  const auto anchor = anchors_.find(key);
  if (anchor != anchors_.end()) options.previous = anchor->second;
  return options;
}

Eigen::VectorXd MetricModel::TargetsOf(
    Kind kind, const Eigen::VectorXd& values,
    std::optional<OutputTransform>& transform) const {
  if (role_ == Role::kSuccess) return values;
  if (role_ == Role::kBound) return Bilog(values);
  transform.emplace(kind, values);
  return transform->targets();
}

// Mean leave-one-out log density in the values' own unit.
double MetricModel::Score(const Candidate& candidate) const {
  if (role_ != Role::kObjective) return 0;
  const GaussianProcess& process = *candidate.process;
  const OutputTransform& transform = *candidate.transform;
  const Eigen::VectorXd scores =
      process.LeaveOneOutPosterior().LogScores(process.y()) +
      transform.LogSlopes();
  double sum = 0;
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    if (!transform.failed(static_cast<int>(i))) sum += scores[i];
  }
  return sum / std::max(1, transform.successes());
}

// Later on, whether the sources still tell something at all.
std::vector<double> MetricModel::ScalesToTry(Kind kind, bool anchor,
                                             int rows) const {
  if (sources_.empty()) return {0};
  const auto found = scales_.find(kind);
  const double scale = found == scales_.end() ? 1 : found->second;
  if (!anchor) return {scale};
  if (rows <= kWarmAbove) return {kScales.begin(), kScales.end()};
  return scale > 0 ? std::vector<double>{0, scale} : std::vector<double>{0};
}

MetricModel::Candidate MetricModel::FitOne(Kind kind, const Data& data,
                                           bool anchor, Random& random) {
  const auto rows = static_cast<int>(data.x.rows());
  Candidate candidate{.kind = kind};
  const Eigen::VectorXd targets =
      TargetsOf(kind, data.values, candidate.transform);
  const Eigen::MatrixXd basis = TransferMean::Basis(sources_, data.x);
  TransferFit best;
  double best_scale = 0;
  for (const double scale : ScalesToTry(kind, anchor, rows)) {
    TransferFit fit;
    const MapFitOptions options = OptionsFor({kind, scale > 0, false}, rows);
    if (scale > 0) {
      fit = FitTransfer(features_, data.x, basis, targets, data.multipliers,
                        scale, options, random);
    } else {
      fit.map =
          FitMap(features_, data.x, targets, data.multipliers, options, random);
    }
    const bool first = best.map.evaluations == 0;
    if (!first && !(fit.map.log_posterior > best.map.log_posterior)) continue;
    best = std::move(fit), best_scale = scale;
  }
  const Hyperparameters& fitted = best.map.hyperparameters;
  if (anchor) {
    anchors_.insert_or_assign({kind, best_scale > 0, false}, fitted);
    scales_[kind] = best_scale;
  }
  candidate.process.emplace(features_, fitted, data.x, targets,
                            data.multipliers);
  if (best_scale == 0) return candidate;
  candidate.mean = std::make_shared<TransferMean>(sources_, best.weights);
  candidate.process->SetMean(candidate.mean);
  return candidate;
}

void MetricModel::Keep(Candidate candidate) {
  kind_ = candidate.kind;
  process_ = std::move(candidate.process);
  transform_ = std::move(candidate.transform);
}

void MetricModel::Fit(const Data& data, bool anchor) {
  const auto rows = static_cast<int>(data.x.rows());
  Random random(seed_, static_cast<uint64_t>(rows));
  std::vector<Candidate> candidates;
  const std::vector<Kind> kinds = KindsToTry(anchor);
  const bool chooses = anchor && !data.derivatives.empty();
  for (const Kind kind : kinds) {
    candidates.push_back(FitOne(kind, data, anchor, random));
    Candidate& last = candidates.back();
    if (kinds.size() > 1 || chooses) last.score = Score(last);
  }
  const auto best = std::max_element(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
  if (data.derivatives.empty()) return Keep(std::move(*best));
  Keep(*best);
  if (chooses) {
    derivative_choice_ = std::nullopt;
    FitDerivatives(data, anchor, std::move(candidates));
  } else if (derivative_choice_ && derivative_choice_->used) {
    FitDerivatives(data, anchor, std::move(candidates));
  }
}

// Between anchors there is one candidate, and nothing to choose.
void MetricModel::FitDerivatives(const Data& data, bool anchor,
                                 std::vector<Candidate> candidates) {
  std::optional<Candidate> best;
  DerivativeChoice choice{.with = std::numeric_limits<double>::quiet_NaN(),
                          .without = candidates[0].score};
  bool any = false;
  for (Candidate& candidate : candidates) {
    choice.without = std::max(choice.without, candidate.score);
    std::optional<Candidate> with =
        WithDerivatives(std::move(candidate), data, anchor);
    if (!with) continue;
    any = true;
    if (anchor && IsNoise(with->process->hyperparameters())) continue;
    if (anchor) with->score = Score(*with);
    if (!best || with->score > best->score) best = std::move(with);
  }
  if (best) choice.with = best->score;
  choice.used = best && (!anchor || choice.with > choice.without);
  if (choice.used) Keep(*std::move(best));
  if (anchor && any) derivative_choice_ = choice;
}

// Around the mean that the sources give, if they do. nullopt: there are none
// with this transform.
std::optional<MetricModel::Candidate> MetricModel::WithDerivatives(
    Candidate candidate, const Data& data, bool anchor) {
  const Derivatives derivatives =
      DerivativesOf(*candidate.transform, data.values, data.derivatives);
  if (derivatives.empty()) return std::nullopt;
  const auto rows = static_cast<int>(data.x.rows());
  const bool transfer = candidate.mean != nullptr;
  Derivatives residuals = derivatives;
  Eigen::VectorXd targets = candidate.transform->targets();
  if (transfer) {
    targets -= candidate.mean->Values(data.x);
    const Eigen::MatrixXd gradients = candidate.mean->Gradients(data.x);
    for (int i = 0; i < residuals.size(); ++i) {
      residuals.targets[i] -=
          residuals.directions.row(i).dot(gradients.col(residuals.rows[i]));
    }
  }
  MapFitOptions options = OptionsFor({candidate.kind, transfer, true}, rows);
  options.derivatives = &residuals;
  options.warm |= !anchor;
  if (!options.previous) {
    options.previous = candidate.process->hyperparameters();
  }
  Random random(seed_, kDerivativeStream + static_cast<uint64_t>(rows));
  const Hyperparameters fitted =
      FitMap(features_, data.x, targets, data.multipliers, options, random)
          .hyperparameters;
  if (anchor) {
    anchors_.insert_or_assign({candidate.kind, transfer, true}, fitted);
  }
  candidate.process.emplace(features_, fitted, data.x,
                            candidate.transform->targets(), data.multipliers);
  if (transfer) candidate.process->SetMean(candidate.mean);
  candidate.process->SetDerivatives(derivatives);
  return candidate;
}

// With slope w: w g . u, its variance w^2 times as large.
Derivatives MetricModel::DerivativesOf(
    const OutputTransform& transform, const Eigen::VectorXd& values,
    const std::vector<KnownDerivative>& known) const {
  std::vector<const KnownDerivative*> kept;
  for (const KnownDerivative& one : known) {
    if (!transform.IsRanked(values[one.row])) kept.push_back(&one);
  }
  if (kept.size() > kMostDerivatives) {
    std::stable_sort(kept.begin(), kept.end(), [&](auto* a, auto* b) {
      return values[a->row] > values[b->row];
    });
    kept.resize(kMostDerivatives);
    std::sort(kept.begin(), kept.end(),
              [](auto* a, auto* b) { return a->row < b->row; });
  }
  const auto m = static_cast<Eigen::Index>(kept.size());
  Derivatives derivatives{.directions = Eigen::MatrixXd(m, features_.size()),
                          .targets = Eigen::VectorXd(m),
                          .variances = Eigen::VectorXd(m)};
  for (Eigen::Index i = 0; i < m; ++i) {
    const auto& [row, along] = *kept[i];
    const double slope = transform.Slope(values[row]);
    derivatives.rows.push_back(row);
    derivatives.directions.row(i) = features_.EmbedDirection(along.direction);
    derivatives.targets[i] = slope * along.value;
    derivatives.variances[i] = slope * slope * along.variance;
  }
  return derivatives;
}

Eigen::VectorXd MetricModel::Expect(const Eigen::MatrixXd& x) const {
  Eigen::VectorXd means = process_->Mean(x);
  for (double& mean : means) mean = transform_->Inverse(mean);
  return means;
}

Eigen::VectorXd MetricModel::ExpectFrom(const Data& known,
                                        const Eigen::MatrixXd& x) const {
  const OutputTransform transform(kind_, known.values);
  const auto anchor = anchors_.find({kind_, false, false});
  const GaussianProcess process(
      features_,
      anchor == anchors_.end() ? Hyperparameters::Default(features_)
                               : anchor->second,
      known.x, transform.targets(), known.multipliers);
  Eigen::VectorXd means = process.Mean(x);
  for (double& mean : means) mean = transform.Inverse(mean);
  return means;
}

void MetricModel::Append(const Eigen::VectorXd& x, double multiplier) {
  process_->Append(x, multiplier);
}

void MetricModel::SetValues(const Eigen::VectorXd& values,
                            const std::vector<KnownDerivative>& derivatives) {
  process_->SetTargets(TargetsOf(kind_, values, transform_));
  if (!derivative_choice_ || !derivative_choice_->used) return;
  process_->SetDerivatives(DerivativesOf(*transform_, values, derivatives));
}

}  // namespace assay
