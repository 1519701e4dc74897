#include "search/math/box_ascent.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace assay {
namespace {

constexpr size_t kMemory = 8;
constexpr int kMaxBacktracks = 12;
constexpr double kArmijo = 1e-4;
constexpr double kCurvature = 1e-10;  // Pairs below it, relative, are dropped.

}  // namespace

BoxAscent::BoxAscent(Eigen::VectorXd start, Eigen::VectorXd lower,
                     Eigen::VectorXd upper, Eigen::VectorXd scale,
                     Options options)
    : lower_(std::move(lower)),
      upper_(std::move(upper)),
      scale_(std::move(scale)),
      options_(options),
      next_(std::move(start)) {}

void BoxAscent::Tell(double value, const Eigen::VectorXd& gradient) {
  ++evaluations_;
  const bool first = evaluations_ == 1;
  const bool enough =
      std::isfinite(value) &&
      (first || value >= value_ + kArmijo * gradient_.dot(next_ - x_));
  if (enough) {
    Accept(value, gradient);
  } else if (first) {
    x_ = next_, value_ = value, done_ = true;
  } else {
    Backtrack(value);
  }
  if (evaluations_ >= options_.max_evaluations) done_ = true;
}

void BoxAscent::Accept(double value, const Eigen::VectorXd& gradient) {
  if (evaluations_ > 1) {
    Pair pair{next_ - x_, gradient_ - gradient, 0};
    pair.product = pair.step.dot(pair.change);
    if (pair.product > kCurvature * pair.step.norm() * pair.change.norm()) {
      pairs_.push_back(std::move(pair));
      if (pairs_.size() > kMemory) pairs_.erase(pairs_.begin());
    }
    if (value - value_ < options_.value_tolerance) done_ = true;
  }
  x_ = next_, value_ = value, gradient_ = gradient;
  if (!done_) StartLine();
}

// The parabola through both values and the first slope, kept in [0.1, 0.5] of
// the last length.
void BoxAscent::Backtrack(double value) {
  if (++line_evaluations_ > kMaxBacktracks) {
    done_ = true;
    return;
  }
  const double slope = gradient_.dot(next_ - x_);
  const double curve = value - value_ - slope;
  const double factor =
      std::isfinite(value) && curve < 0 ? -slope / (2 * curve) : 0.1;
  length_ *= std::clamp(factor, 0.1, 0.5);
  SetNext();
}

void BoxAscent::StartLine() {
  line_evaluations_ = 0;
  const Eigen::VectorXd free = FreeGradient();
  direction_ = Direction(free);
  if (!(direction_.dot(free) > 0)) {
    pairs_.clear();
    direction_ = Direction(free);
  }
  const double longest = direction_.cwiseAbs().maxCoeff();
  if (!(longest > 0)) {
    done_ = true;
    return;
  }
  length_ = pairs_.empty() ? options_.first_step / longest : 1;
  SetNext();
}

// 0 where the bound holds the point back.
Eigen::VectorXd BoxAscent::FreeGradient() const {
  Eigen::VectorXd free = gradient_;
  for (Eigen::Index i = 0; i < free.size(); ++i) {
    const bool held = free(i) > 0 ? x_(i) >= upper_(i) : x_(i) <= lower_(i);
    if (held) free(i) = 0;
  }
  return free;
}

// The two loops, in coordinates divided by `scale_`, over those not held.
Eigen::VectorXd BoxAscent::Direction(
    const Eigen::VectorXd& free_gradient) const {
  const Eigen::VectorXd metric = scale_.cwiseAbs2();
  Eigen::VectorXd q = free_gradient;
  std::vector<double> alphas(pairs_.size());
  for (size_t i = pairs_.size(); i-- > 0;) {
    alphas[i] = pairs_[i].step.dot(q) / pairs_[i].product;
    q -= alphas[i] * pairs_[i].change;
  }
  double gamma = 1;
  if (!pairs_.empty()) {
    const Pair& last = pairs_.back();
    gamma = last.product / last.change.cwiseAbs2().dot(metric);
  }
  q = gamma * metric.cwiseProduct(q);
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const double beta = pairs_[i].change.dot(q) / pairs_[i].product;
    q += (alphas[i] - beta) * pairs_[i].step;
  }
  for (Eigen::Index i = 0; i < q.size(); ++i) {
    if (free_gradient(i) == 0) q(i) = 0;
  }
  return q;
}

void BoxAscent::SetNext() {
  next_ = (x_ + length_ * direction_).cwiseMax(lower_).cwiseMin(upper_);
  if (next_ == x_) done_ = true;
}

}  // namespace assay
