#include "search/gp/acquisition/hypervolume_improvement.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "search/math/normal.h"

namespace assay {
namespace {

using Pair = HypervolumeImprovement::Pair;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Below it psi(l) - psi(u) is taken from the middle of the strip.
constexpr double kNarrow = 1e-6;

// The logarithm of something, and its derivatives.
struct Log {
  double value = 0;
  double by_mean = 0;
  double by_deviation = 0;
};

// log psi(a).
Log LogPsi(const Belief& belief, double a) {
  const double s = belief.deviation_all;
  const double z = (belief.mean - a) / s;
  const double slope = LogImprovementSlope(z);
  return {std::log(s) + LogImprovement(z), slope / s, (1 - z * slope) / s};
}

// psi(l) - psi(u) is the integral of Phi((mean - a) / s) over a.
Log LogNarrowStrip(const Belief& belief, double from, double to) {
  const double s = belief.deviation_all;
  const double z = (belief.mean - (from + to) / 2) / s;
  const double slope = LogNormalCdfSlope(z);
  return {std::log(to - from) + LogNormalCdf(z), slope / s, -z * slope / s};
}

Log LogStrip(const Belief& belief, double from, double to) {
  const Log near = LogPsi(belief, from);
  if (to == kInfinity) return near;
  const Log far = LogPsi(belief, to);
  const double gap = far.value - near.value;
  if (gap > -kNarrow) return LogNarrowStrip(belief, from, to);
  const double ratio = std::exp(gap);
  const double rest = -std::expm1(gap);
  return {near.value + std::log(rest),
          (near.by_mean - ratio * far.by_mean) / rest,
          (near.by_deviation - ratio * far.by_deviation) / rest};
}

// By rising first objective, so that the second one falls.
std::vector<Pair> Front(absl::Span<const Pair> points, const Pair& reference) {
  std::vector<Pair> sorted;
  for (const Pair& point : points) {
    if (point[0] > reference[0] && point[1] > reference[1]) {
      sorted.push_back(point);
    }
  }
  std::sort(sorted.rbegin(), sorted.rend());
  std::vector<Pair> front;
  for (const Pair& point : sorted) {
    if (front.empty() || point[1] > front.back()[1]) front.push_back(point);
  }
  std::reverse(front.begin(), front.end());
  return front;
}

}  // namespace

HypervolumeImprovement::HypervolumeImprovement(absl::Span<const Pair> points,
                                               Pair reference) {
  double from = reference[0];
  for (const Pair& point : Front(points, reference)) {
    strips_.push_back({from, point[0], point[1]});
    from = point[0];
  }
  strips_.push_back({from, kInfinity, reference[1]});
}

Score HypervolumeImprovement::Evaluate(absl::Span<const Belief> beliefs) const {
  std::vector<std::pair<Log, Log>> terms;
  double most = -kInfinity;
  for (const Strip& strip : strips_) {
    terms.push_back({LogStrip(beliefs[0], strip.from, strip.to),
                     LogPsi(beliefs[1], strip.height)});
    most = std::max(most, terms.back().first.value + terms.back().second.value);
  }
  double sum = 0;
  Score score;
  score.slopes.resize(beliefs.size());
  for (const auto& [width, height] : terms) {
    const double term = std::exp(width.value + height.value - most);
    sum += term;
    score.slopes[0].mean += term * width.by_mean;
    score.slopes[0].deviation_all += term * width.by_deviation;
    score.slopes[1].mean += term * height.by_mean;
    score.slopes[1].deviation_all += term * height.by_deviation;
  }
  score.value = most + std::log(sum);
  for (Belief& slope : score.slopes) {
    slope.mean /= sum;
    slope.deviation_all /= sum;
  }
  return score;
}

}  // namespace assay
