#include "search/stopping/extrapolation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "search/math/normal.h"

namespace assay {
namespace {

constexpr int kShapes = 16;  // Of each family.
constexpr double kNoiseFloor = 0.01;

// From `low` to `high`, evenly in the logarithm.
double Spaced(double low, double high, int i) {
  return low * std::pow(high / low, static_cast<double>(i) / (kShapes - 1));
}

// phi of one shape at each step.
std::vector<double> PowerLaw(absl::Span<const double> steps, int i) {
  const double b = Spaced(0.05, 3, i);
  std::vector<double> phi;
  for (const double t : steps) phi.push_back(std::pow(t / steps[0], -b));
  return phi;
}

std::vector<double> Exponential(absl::Span<const double> steps, int i) {
  const double tau = Spaced(0.03, 3, i) * steps.back();
  std::vector<double> phi;
  for (const double t : steps) phi.push_back(std::exp((steps[0] - t) / tau));
  return phi;
}

// Least squares of y = c + a phi.
struct Line {
  double c = 0;
  double squares = 0;      // Sum of squared residuals.
  double determinant = 0;  // Of the normal equations.
  double c_factor = 0;     // Variance of c over that of the noise.
};

// `phi` has one more than `costs`: at the horizon.
Line Fit(const std::vector<double>& phi, absl::Span<const double> costs) {
  const double last = phi.back(), range = phi[0] - last;
  const double n = static_cast<double>(costs.size());
  double sx = 0, sxx = 0, sy = 0, sxy = 0;
  for (size_t i = 0; i < costs.size(); ++i) {
    const double x = (phi[i] - last) / range;
    sx += x;
    sxx += x * x;
    sy += costs[i];
    sxy += x * costs[i];
  }
  Line line;
  line.determinant = n * sxx - sx * sx;
  line.c = (sxx * sy - sx * sxy) / line.determinant;
  const double a = (n * sxy - sx * sy) / line.determinant;
  line.c_factor = sxx / line.determinant;
  for (size_t i = 0; i < costs.size(); ++i) {
    const double x = (phi[i] - last) / range;
    const double residual = costs[i] - line.c - a * x;
    line.squares += residual * residual;
  }
  return line;
}

double SmallestVariance(absl::Span<const double> costs) {
  const auto [low, high] = std::minmax_element(costs.begin(), costs.end());
  const double floor = std::max(kNoiseFloor * (*high - *low),
                                1e-9 * std::max(std::abs(*low), 1e-130));
  return floor * floor;
}

// Student's t by the normal distribution (Abramowitz & Stegun 26.7.8).
double StudentCdf(double t, double degrees) {
  return NormalCdf(t * (1 - 1 / (4 * degrees)) /
                   std::sqrt(1 + t * t / (2 * degrees)));
}

}  // namespace

std::optional<Extrapolation> Extrapolation::Of(absl::Span<const Point> points,
                                               int64_t horizon) {
  std::vector<double> steps, costs;
  for (const Point& point : points) {
    if (point.step < 1 || !std::isfinite(point.cost)) continue;
    steps.push_back(static_cast<double>(point.step));
    costs.push_back(point.cost);
  }
  if (steps.size() < kMinPoints ||
      static_cast<double>(horizon) <= steps.back()) {
    return std::nullopt;
  }
  const auto early = static_cast<std::ptrdiff_t>(steps.size() / 4);
  steps.erase(steps.begin(), steps.begin() + early);
  costs.erase(costs.begin(), costs.begin() + early);
  steps.push_back(static_cast<double>(horizon));

  const double n = static_cast<double>(costs.size());
  const double floor = n * SmallestVariance(costs);
  Extrapolation made;
  made.degrees_ = n - 3;
  double largest = -std::numeric_limits<double>::infinity();
  for (const auto& family : {PowerLaw, Exponential}) {
    for (int i = 0; i < kShapes; ++i) {
      const Line line = Fit(family(steps, i), costs);
      const double squares = line.squares + floor;
      const double weight =
          -(std::log(line.determinant) + (n - 2) * std::log(squares)) / 2;
      const double variance = squares / made.degrees_ * (1 + line.c_factor);
      made.parts_.push_back({weight, line.c, std::sqrt(variance)});
      largest = std::max(largest, weight);
    }
  }
  double sum = 0;
  for (Part& part : made.parts_)
    sum += part.weight = std::exp(part.weight - largest);
  double square = 0;
  for (Part& part : made.parts_) {
    part.weight /= sum;
    made.mean_ += part.weight * part.center;
  }
  for (const Part& part : made.parts_) {
    const double off = part.center - made.mean_;
    square += part.weight * (off * off + part.scale * part.scale);
  }
  made.deviation_ = std::sqrt(square);
  return made;
}

double Extrapolation::ChanceBelow(double cost) const {
  double chance = 0;
  for (const Part& part : parts_) {
    chance +=
        part.weight * StudentCdf((cost - part.center) / part.scale, degrees_);
  }
  return chance;
}

}  // namespace assay
