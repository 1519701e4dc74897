#include "search/gp/metric_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace assay {
namespace {

constexpr int kWarmAbove = 100;  // Rows.

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

MapFitOptions MetricModel::OptionsFor(Kind kind, int rows) const {
  MapFitOptions options{.priors = PriorsOf(options_),
                        .warm = rows > kWarmAbove};
  const auto anchor = anchors_.find(kind);
  if (anchor != anchors_.end()) options.previous = anchor->second;
  return options;
}

Eigen::VectorXd MetricModel::TargetsOf(Kind kind,
                                       const Eigen::VectorXd& values) {
  if (role_ == Role::kSuccess) return values;
  if (role_ == Role::kBound) return Bilog(values);
  transform_.emplace(kind, values);
  return transform_->targets();
}

// Mean leave-one-out log density in the values' own unit.
double MetricModel::Score() const {
  if (role_ != Role::kObjective) return 0;
  const Eigen::VectorXd scores =
      process_->LeaveOneOutPosterior().LogScores(process_->y()) +
      transform_->LogSlopes();
  double sum = 0;
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    if (!transform_->failed(static_cast<int>(i))) sum += scores[i];
  }
  return sum / std::max(1, transform_->successes());
}

void MetricModel::Fit(const Data& data, bool anchor) {
  const auto rows = static_cast<int>(data.x.rows());
  Random random(seed_, static_cast<uint64_t>(rows));
  std::optional<OutputTransform> best_transform;
  std::optional<GaussianProcess> best;
  double best_score = -std::numeric_limits<double>::infinity();
  const std::vector<Kind> kinds = KindsToTry(anchor);
  for (const Kind kind : kinds) {
    const Eigen::VectorXd targets = TargetsOf(kind, data.values);
    const MapFit fit = FitMap(features_, data.x, targets, data.multipliers,
                              OptionsFor(kind, rows), random);
    if (anchor) anchors_.insert_or_assign(kind, fit.hyperparameters);
    process_.emplace(features_, fit.hyperparameters, data.x, targets,
                     data.multipliers);
    const double score = kinds.size() > 1 ? Score() : 0;
    if (best && !(score > best_score)) continue;
    best_score = score, kind_ = kind;
    best = std::move(process_), best_transform = std::move(transform_);
  }
  process_ = std::move(best), transform_ = std::move(best_transform);
}

Eigen::VectorXd MetricModel::Expect(const Eigen::MatrixXd& x) const {
  Eigen::VectorXd means = process_->Mean(x);
  for (double& mean : means) mean = transform_->Inverse(mean);
  return means;
}

Eigen::VectorXd MetricModel::ExpectFrom(const Data& known,
                                        const Eigen::MatrixXd& x) const {
  const OutputTransform transform(kind_, known.values);
  const auto anchor = anchors_.find(kind_);
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

void MetricModel::SetValues(const Eigen::VectorXd& values) {
  process_->SetTargets(TargetsOf(kind_, values));
}

}  // namespace assay
