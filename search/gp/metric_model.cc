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

MapFitOptions MetricModel::OptionsFor(Kind kind, bool transfer,
                                      int rows) const {
  MapFitOptions options{.priors = PriorsOf(options_),
                        .warm = rows > kWarmAbove};
  const auto anchor = anchors_.find({kind, transfer});
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

void MetricModel::FitOne(Kind kind, const Data& data, bool anchor,
                         Random& random) {
  const auto rows = static_cast<int>(data.x.rows());
  const Eigen::VectorXd targets = TargetsOf(kind, data.values);
  const Eigen::MatrixXd basis = TransferMean::Basis(sources_, data.x);
  TransferFit best;
  double best_scale = 0;
  for (const double scale : ScalesToTry(kind, anchor, rows)) {
    TransferFit fit;
    const MapFitOptions options = OptionsFor(kind, scale > 0, rows);
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
    anchors_.insert_or_assign({kind, best_scale > 0}, fitted);
    scales_[kind] = best_scale;
  }
  process_.emplace(features_, fitted, data.x, targets, data.multipliers);
  if (best_scale == 0) return;
  process_->SetMean(std::make_shared<TransferMean>(sources_, best.weights));
}

void MetricModel::Fit(const Data& data, bool anchor) {
  const auto rows = static_cast<int>(data.x.rows());
  Random random(seed_, static_cast<uint64_t>(rows));
  std::optional<OutputTransform> best_transform;
  std::optional<GaussianProcess> best;
  double best_score = -std::numeric_limits<double>::infinity();
  const std::vector<Kind> kinds = KindsToTry(anchor);
  for (const Kind kind : kinds) {
    FitOne(kind, data, anchor, random);
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
  const auto anchor = anchors_.find({kind_, false});
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
