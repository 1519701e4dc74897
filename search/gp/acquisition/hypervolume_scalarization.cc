#include "search/gp/acquisition/hypervolume_scalarization.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "search/gp/acquisition/upper_confidence_bound.h"
#include "search/math/normal.h"
#include "search/math/sobol.h"

namespace assay {
namespace {

constexpr double kSlope = 1e-3;
constexpr double kCoefficient = UpperConfidenceBound::kCoefficient;

// |N(0, 1)| in each objective, made length 1.
Eigen::MatrixXd Directions(int objectives, int count, uint64_t seed) {
  const ScrambledSobol sobol(objectives, seed);
  Eigen::MatrixXd directions(objectives, count);
  for (int i = 0; i < count; ++i) {
    const std::vector<double> point = sobol.Point(i);
    for (int k = 0; k < objectives; ++k) {
      directions(k, i) = NormalQuantile((1 + point[k]) / 2);
    }
  }
  directions.colwise().normalize();
  return directions;
}

}  // namespace

HypervolumeScalarization::HypervolumeScalarization(const Eigen::MatrixXd& seen,
                                                   Eigen::VectorXd reference,
                                                   uint64_t seed)
    : reference_(std::move(reference)),
      directions_(
          Directions(static_cast<int>(reference_.size()), kDirections, seed)),
      best_(Eigen::VectorXd::Zero(kDirections)) {
  for (Eigen::Index i = 0; i < seen.rows(); ++i) {
    for (int w = 0; w < kDirections; ++w) {
      best_(w) = std::max(best_(w), Scalarize(seen.row(i), w).value);
    }
  }
}

HypervolumeScalarization::Scaled HypervolumeScalarization::Scalarize(
    const Eigen::VectorXd& u, int direction) const {
  double least = std::numeric_limits<double>::infinity();
  int objective = 0;
  for (int k = 0; k < u.size(); ++k) {
    const double scaled = (u(k) - reference_(k)) / directions_(k, direction);
    if (scaled < least) least = scaled, objective = k;
  }
  if (least <= 0) return {};
  const double power = std::pow(least, u.size() - 1);
  return {power * least, objective,
          static_cast<double>(u.size()) * power /
              directions_(objective, direction)};
}

Score HypervolumeScalarization::Evaluate(
    absl::Span<const Belief> beliefs) const {
  Eigen::VectorXd u(beliefs.size());
  for (size_t k = 0; k < beliefs.size(); ++k) {
    u(k) = beliefs[k].mean + kCoefficient * beliefs[k].deviation_all;
  }
  Score score;
  score.slopes.resize(beliefs.size());
  for (int w = 0; w < kDirections; ++w) {
    const Scaled scaled = Scalarize(u, w);
    score.value += std::max(scaled.value, best_(w)) + kSlope * scaled.value;
    const double weight = (scaled.value > best_(w) ? 1 : 0) + kSlope;
    score.slopes[scaled.objective].mean += weight * scaled.slope;
  }
  score.value /= kDirections;
  for (Belief& slope : score.slopes) {
    slope.mean /= kDirections;
    slope.deviation_all = kCoefficient * slope.mean;
  }
  return score;
}

}  // namespace assay
