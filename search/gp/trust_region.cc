#include "search/gp/trust_region.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace assay {
namespace {

constexpr double kWidestGap = 0.2;

double Gap(absl::Span<const double> levels) {
  double widest = levels.size() < 2 ? 1 : 0;
  for (size_t k = 1; k < levels.size(); ++k) {
    widest = std::max(widest, levels[k] - levels[k - 1]);
  }
  return widest;
}

bool Counts(const CandidateSpace& space, int i) {
  if (space.IsCategorical(i)) return false;
  return space.IsContinuous(i) || Gap(space.levels(i)) <= kWidestGap + 1e-9;
}

}  // namespace

TrustRegion::TrustRegion(const CandidateSpace& space) {
  for (int i = 0; i < space.size(); ++i) {
    if (Counts(space, i)) counted_.push_back(i);
  }
}

void TrustRegion::AddBox(Eigen::VectorXd centre, Eigen::VectorXd half_widths) {
  boxes_.push_back({std::move(centre), std::move(half_widths)});
}

void TrustRegion::AddBox(Eigen::VectorXd centre, double half_width) {
  const auto n = centre.size();
  AddBox(std::move(centre), Eigen::VectorXd::Constant(n, half_width));
}

// In half widths: at most 1 inside.
double TrustRegion::Distance(const Centre& box,
                             const Eigen::VectorXd& point) const {
  double distance = 0;
  for (const int i : counted_) {
    const double away = std::fabs(point[i] - box.point[i]) / box.half_widths[i];
    if (away > distance) distance = away;  // False for NaN.
  }
  return distance;
}

const TrustRegion::Centre& TrustRegion::Nearest(
    const Eigen::VectorXd& point) const {
  const Centre* nearest = &boxes_[0];
  double least = std::numeric_limits<double>::infinity();
  for (const Centre& box : boxes_) {
    const double distance = Distance(box, point);
    if (distance < least) least = distance, nearest = &box;
  }
  return *nearest;
}

bool TrustRegion::Contains(const Eigen::VectorXd& point) const {
  return IsEverything() ||
         std::any_of(boxes_.begin(), boxes_.end(), [&](const Centre& box) {
           return Distance(box, point) <= 1 + 1e-9;
         });
}

Eigen::VectorXd TrustRegion::Pull(const Eigen::VectorXd& point) const {
  if (IsEverything()) return point;
  const Centre& box = Nearest(point);
  const double distance = Distance(box, point);
  if (distance <= 1) return point;
  Eigen::VectorXd pulled = point;
  for (const int i : counted_) {
    if (std::isnan(box.point[i])) continue;
    pulled[i] = box.point[i] + (point[i] - box.point[i]) / distance;
  }
  return pulled;
}

TrustRegion::Box TrustRegion::BoxOf(const Eigen::VectorXd& point) const {
  const auto n = point.size();
  Box limits{Eigen::VectorXd::Zero(n), Eigen::VectorXd::Ones(n)};
  if (IsEverything()) return limits;
  const Centre& box = Nearest(point);
  for (const int i : counted_) {
    if (std::isnan(box.point[i])) continue;
    limits.lower[i] = std::max(0.0, box.point[i] - box.half_widths[i]);
    limits.upper[i] = std::min(1.0, box.point[i] + box.half_widths[i]);
  }
  return limits;
}

double TrustRegion::Radius(int trials, int parameters) {
  return 0.2 + 0.3 * trials / (5.0 * (parameters + 1));
}

}  // namespace assay
