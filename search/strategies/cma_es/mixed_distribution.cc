#include "search/strategies/cma_es/mixed_distribution.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <variant>

#include "search/domain.h"
#include "search/math/normal.h"

namespace assay {
namespace {

constexpr int kBoundTries = 100;
constexpr double kSettled = 1e-11;
constexpr double kWorstCondition = 1e14;

bool IsInside(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [](double u) { return u >= 0 && u <= 1; });
}

double NumberOr(double u, double otherwise) {
  return std::isnan(u) ? otherwise : u;
}

}  // namespace

MixedDistribution::MixedDistribution(const SearchSpace& space,
                                     const std::vector<double>& mean,
                                     double sigma, int population)
    : space_(space), weights_(Cma::ParentWeights(population)) {
  for (int i = 0; i < space.encoded_size(); ++i) {
    const auto* domain =
        std::get_if<CategoricalDomain>(&space.parameters()[i].domain);
    if (domain == nullptr) {
      numbers_.push_back(i);
    } else {
      categoricals_.push_back(i);
      counts_.push_back(static_cast<int>(domain->values.size()));
    }
  }
  if (!numbers_.empty()) {
    margin_ = 1.0 / (static_cast<double>(numbers_.size()) * population);
    cma_.emplace(std::vector<double>(numbers_.size(), 0.5), sigma, population);
    SetMean(mean);
  }
  if (!categoricals_.empty()) choices_.emplace(counts_);
}

int MixedDistribution::DefaultPopulation(const SearchSpace& space) {
  return Cma::DefaultPopulation(space.encoded_size());
}

void MixedDistribution::SetMean(const std::vector<double>& mean) {
  if (!cma_) return;
  std::vector<double> numbers = Numbers(mean);
  for (double& u : numbers) u = NumberOr(u, 0.5);
  cma_->SetMean(numbers);
  for (size_t i = 0; i < numbers_.size(); ++i) KeepMargin(static_cast<int>(i));
}

std::vector<double> MixedDistribution::Numbers(
    const std::vector<double>& point) const {
  std::vector<double> numbers;
  for (const int i : numbers_) numbers.push_back(point[i]);
  return numbers;
}

std::vector<int> MixedDistribution::Choices(
    const std::vector<double>& point) const {
  std::vector<int> choices;
  for (size_t i = 0; i < categoricals_.size(); ++i) {
    const double u = point[categoricals_[i]];
    choices.push_back(std::isnan(u) ? -1 : static_cast<int>(u * counts_[i]));
  }
  return choices;
}

std::vector<double> MixedDistribution::Draw(Random& random) const {
  std::vector<double> point(space_.encoded_size());
  if (cma_) {
    const std::vector<double> numbers = DrawNumbers(random);
    for (size_t i = 0; i < numbers.size(); ++i) point[numbers_[i]] = numbers[i];
  }
  if (choices_) {
    const std::vector<int> choices = choices_->Draw(random);
    for (size_t i = 0; i < choices.size(); ++i) {
      point[categoricals_[i]] = (choices[i] + 0.5) / counts_[i];
    }
  }
  return point;
}

std::vector<double> MixedDistribution::DrawNumbers(Random& random) const {
  std::vector<double> numbers = cma_->Draw(random);
  for (int i = 1; i < kBoundTries && !IsInside(numbers); ++i) {
    numbers = cma_->Draw(random);
  }
  for (double& u : numbers) u = std::clamp(u, 0.0, 1.0);
  return numbers;
}

void MixedDistribution::Update(absl::Span<const std::vector<double>> ranked,
                               Random& noise) {
  if (cma_) UpdateNumbers(ranked, noise);
  if (choices_) UpdateChoices(ranked);
}

void MixedDistribution::UpdateNumbers(
    absl::Span<const std::vector<double>> ranked, Random& noise) {
  std::vector<std::vector<double>> points;
  for (const std::vector<double>& point : ranked) {
    std::vector<double> numbers = Numbers(point);
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (!std::isnan(numbers[i])) continue;
      const int k = static_cast<int>(i);
      numbers[i] = cma_->mean()[k] + cma_->Deviation(k) * DrawNormal(noise);
    }
    points.push_back(std::move(numbers));
  }
  cma_->Update(points);
  for (int i = 0; i < cma_->dimensions(); ++i) {
    cma_->MoveMean(i, std::clamp(cma_->mean()[i], 0.0, 1.0));
    KeepMargin(i);
  }
}

void MixedDistribution::UpdateChoices(
    absl::Span<const std::vector<double>> ranked) {
  std::vector<std::vector<int>> choices;
  for (size_t i = 0; i < weights_.size(); ++i) {
    choices.push_back(Choices(ranked[i]));
  }
  choices_->Update(choices, weights_);
}

// Half way to the neighbours.
std::pair<double, double> MixedDistribution::Cell(int i, double u) const {
  const Domain& domain = space_.parameters()[numbers_[i]].domain;
  const int64_t last = *Levels(domain) - 1;
  const int64_t k = *LevelOf(domain, FromUnit(domain, u));
  const auto place = [&](int64_t level) {
    return ToUnit(domain, LevelValue(domain, level));
  };
  return {k == 0 ? 0 : 0.5 * (place(k - 1) + place(k)),
          k == last ? 1 : 0.5 * (place(k) + place(k + 1))};
}

void MixedDistribution::KeepMargin(int i) {
  if (!Levels(space_.parameters()[numbers_[i]].domain)) return;
  const auto [low, high] = Cell(i, cma_->mean()[i]);
  if (low == 0 && high == 1) return;
  if (low == 0) return KeepOuterMargin(i, high);
  if (high == 1) return KeepOuterMargin(i, low);
  KeepInnerMargin(i, low, high);
}

// The mean of an outer level stays so near its inner border that the level is
// left often enough. (Hamano et al. 2022, eq. 9)
void MixedDistribution::KeepOuterMargin(int i, double border) {
  const double farthest = NormalQuantile(1 - margin_) * cma_->Deviation(i);
  const double distance = cma_->mean()[i] - border;
  cma_->MoveMean(i, border + std::clamp(distance, -farthest, farthest));
}

// The mean and deviation with which each side is reached often enough, as often
// as now where that is more. (Hamano et al. 2022, eq. 10 to 16)
void MixedDistribution::KeepInnerMargin(int i, double low, double high) {
  const double mean = cma_->mean()[i];
  const double deviation = cma_->Deviation(i);
  const double below = NormalCdf((low - mean) / deviation);
  const double above = NormalCdf((mean - high) / deviation);
  const double half = margin_ / 2;
  if (below >= half && above >= half) return;
  const double middle = 1 - below - above;
  const double wanted_below = std::max(below, half);
  const double wanted_above = std::max(above, half);
  const double excess = 1 - wanted_below - wanted_above - middle;
  const double share =
      excess / (wanted_below + wanted_above + middle - 3 * half);
  const double to_low =
      -NormalQuantile(wanted_below + share * (wanted_below - half));
  const double to_high =
      -NormalQuantile(wanted_above + share * (wanted_above - half));
  cma_->MoveMean(i, (low * to_high + high * to_low) / (to_low + to_high));
  cma_->Stretch(i, (high - low) / (to_low + to_high));
}

bool MixedDistribution::IsSpent() const {
  return cma_ && (cma_->LargestDeviation() < kSettled ||
                  cma_->Condition() > kWorstCondition);
}

}  // namespace assay
