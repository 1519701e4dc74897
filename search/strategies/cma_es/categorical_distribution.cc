#include "search/strategies/cma_es/categorical_distribution.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

namespace assay {
namespace {

constexpr double kAlpha = 1.5;
constexpr double kKept = 0.73;

double Norm(const std::vector<double>& v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}

}  // namespace

CategoricalDistribution::CategoricalDistribution(std::vector<int> counts)
    : counts_(std::move(counts)) {
  for (const int count : counts_) {
    probabilities_.emplace_back(count, 1.0 / count);
    free_ += count - 1;
  }
  path_.resize(free_);
}

std::vector<int> CategoricalDistribution::Draw(Random& random) const {
  std::vector<int> choices;
  for (const std::vector<double>& probabilities : probabilities_) {
    double left = random.Uniform();
    size_t k = 0;
    while (k + 1 < probabilities.size() && left >= probabilities[k]) {
      left -= probabilities[k++];
    }
    choices.push_back(static_cast<int>(k));
  }
  return choices;
}

void CategoricalDistribution::Update(absl::Span<const std::vector<int>> choices,
                                     absl::Span<const double> weights) {
  assert(choices.size() == weights.size());
  const Table gradient = NaturalGradient(choices, weights);
  const std::vector<double> direction = Whiten(gradient);
  const double norm = Norm(direction);
  if (!(norm > 0)) return;
  for (size_t i = 0; i < counts_.size(); ++i) {
    for (int k = 0; k < counts_[i]; ++k) {
      probabilities_[i][k] += step_ / norm * gradient[i][k];
    }
  }
  Adapt(direction);
  for (size_t i = 0; i < counts_.size(); ++i) KeepMargin(static_cast<int>(i));
}

CategoricalDistribution::Table CategoricalDistribution::NaturalGradient(
    absl::Span<const std::vector<int>> choices,
    absl::Span<const double> weights) const {
  Table gradient;
  for (const int count : counts_) gradient.emplace_back(count, 0.0);
  for (size_t point = 0; point < choices.size(); ++point) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      const int choice = choices[point][i];
      if (choice < 0) continue;
      for (int k = 0; k < counts_[i]; ++k) {
        gradient[i][k] +=
            weights[point] * ((k == choice) - probabilities_[i][k]);
      }
    }
  }
  return gradient;
}

// The root of the Fisher information matrix times it: [free]. (Akimoto et al.
// 2019, appendix B)
std::vector<double> CategoricalDistribution::Whiten(
    const Table& gradient) const {
  std::vector<double> white;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const std::vector<double>& q = probabilities_[i];
    const double last = q.back();
    const double sum = -gradient[i].back();  // Of all others.
    for (int k = 0; k + 1 < counts_[i]; ++k) {
      white.push_back(gradient[i][k] / std::sqrt(q[k]) +
                      std::sqrt(q[k]) * sum / (last + std::sqrt(last)));
    }
  }
  return white;
}

void CategoricalDistribution::Adapt(const std::vector<double>& direction) {
  step_ = 1 / slowness_;
  const double beta = std::min(step_ / std::sqrt(free_), 1.0);
  const double norm = Norm(direction);
  for (int i = 0; i < free_; ++i) {
    path_[i] = (1 - beta) * path_[i] +
               std::sqrt(beta * (2 - beta)) * direction[i] / norm;
  }
  gamma_ = (1 - beta) * (1 - beta) * gamma_ + beta * (2 - beta);
  const double squared = Norm(path_) * Norm(path_);
  slowness_ *= std::exp(beta * (gamma_ - squared / kAlpha));
}

void CategoricalDistribution::KeepMargin(int i) {
  std::vector<double>& q = probabilities_[i];
  const int count = counts_[i];
  if (count == 1) return;
  const double parameters = static_cast<double>(counts_.size());
  const double least = (1 - std::pow(kKept, 1 / parameters)) / (count - 1);
  for (double& p : q) p = std::max(p, least);
  const double sum = std::accumulate(q.begin(), q.end(), 0.0);
  const double above = sum - least * count;
  for (double& p : q) p -= (sum - 1) * (p - least) / above;
}

}  // namespace assay
