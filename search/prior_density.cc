#include "search/prior_density.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/domain.h"
#include "search/math/normal.h"

namespace assay {
namespace {

constexpr double kFloor = PriorDensity::kFloor;
constexpr int kBisections = 53;

std::string Text(double value) { return ToText(ParameterValue(value)); }

absl::Status Bad(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("prior: ", what));
}

// How many values a list has; 0: it is a range.
size_t ListSize(const Domain& domain) {
  if (const auto* list = std::get_if<CategoricalDomain>(&domain)) {
    return list->values.size();
  }
  const auto* list = std::get_if<DiscreteDomain>(&domain);
  return list == nullptr ? 0 : list->values.size();
}

double LevelNumber(const Domain& domain, int64_t k) {
  return *AsNumber(LevelValue(domain, k));
}

double LevelPlace(const Domain& domain, int64_t k) {
  return ToUnit(domain, LevelValue(domain, k));
}

// The smallest and the largest number.
std::pair<double, double> RangeOf(const Domain& domain) {
  if (const auto* range = std::get_if<DoubleDomain>(&domain)) {
    return {range->min, range->max};
  }
  return {LevelNumber(domain, 0), LevelNumber(domain, *Levels(domain) - 1)};
}

// As ToUnit(), of numbers between the levels too.
double PlaceOf(const Domain& domain, double number) {
  const std::optional<int64_t> levels = Levels(domain);
  if (!levels) return ToUnit(domain, number);
  int64_t below = 0, above = *levels - 1;
  while (above - below > 1) {
    const int64_t middle = below + (above - below) / 2;
    (LevelNumber(domain, middle) <= number ? below : above) = middle;
  }
  const double low = LevelNumber(domain, below);
  const double high = LevelNumber(domain, above);
  const double from = LevelPlace(domain, below);
  if (!(low < high)) return from;
  const double share = std::clamp((number - low) / (high - low), 0.0, 1.0);
  return from + share * (LevelPlace(domain, above) - from);
}

struct CheckAgainst {
  const Domain& domain;

  absl::Status operator()(const NormalPrior& prior) const {
    if (std::holds_alternative<CategoricalDomain>(domain)) {
      return Bad("normal, of a categorical only weights are allowed");
    }
    if (!std::isfinite(prior.mean)) {
      return Bad(absl::StrCat("mean ", Text(prior.mean), ", must be finite"));
    }
    const auto [min, max] = RangeOf(domain);
    if (prior.mean < min || prior.mean > max) {
      return Bad(absl::StrCat("mean ", Text(prior.mean), ", allowed are ",
                              Text(min), " to ", Text(max)));
    }
    if (prior.deviation >= NormalPrior::kMinDeviation &&
        prior.deviation <= NormalPrior::kMaxDeviation) {
      return absl::OkStatus();
    }
    return Bad(absl::StrCat("deviation ", Text(prior.deviation),
                            ", allowed are ", Text(NormalPrior::kMinDeviation),
                            " to ", Text(NormalPrior::kMaxDeviation),
                            ", a share of the range"));
  }

  absl::Status operator()(const WeightsPrior& prior) const {
    const size_t values = ListSize(domain);
    if (values == 0) return Bad("weights, of a range only normal is allowed");
    if (prior.weights.size() != values) {
      return Bad(absl::StrCat(prior.weights.size(),
                              " weights, must be one for each of ", values,
                              " values"));
    }
    for (size_t k = 0; k < values; ++k) {
      if (prior.weights[k] >= 0 && std::isfinite(prior.weights[k])) continue;
      return Bad(
          absl::StrCat("weight ", Text(prior.weights[k]), " of ",
                       ToText(LevelValue(domain, static_cast<int64_t>(k))),
                       ", must be 0 or more and finite"));
    }
    const auto& weights = prior.weights;
    if (*std::max_element(weights.begin(), weights.end()) > 0) {
      return absl::OkStatus();
    }
    return Bad("all weights are 0, one must be above");
  }
};

// [values], mean 1. Divided first: sums of large weights may overflow.
std::vector<double> DensityOfCells(std::vector<double> weights) {
  const double largest = *std::max_element(weights.begin(), weights.end());
  for (double& weight : weights) weight /= largest;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto count = static_cast<double>(weights.size());
  for (double& weight : weights) {
    weight = (1 - kFloor) * weight / sum * count + kFloor;
  }
  return weights;
}

}  // namespace

absl::Status CheckPrior(const Domain& domain, const Prior& prior) {
  return std::visit(CheckAgainst{domain}, prior);
}

PriorDensity::PriorDensity(const Parameter& parameter) {
  if (!parameter.prior) return;
  if (const auto* list = std::get_if<WeightsPrior>(&*parameter.prior)) {
    cells_ = DensityOfCells(list->weights);
    return;
  }
  const auto& normal = std::get<NormalPrior>(*parameter.prior);
  mean_ = PlaceOf(parameter.domain, normal.mean);
  deviation_ = normal.deviation;
  below_ = NormalCdf(-mean_ / deviation_);
  inside_ = NormalCdf((1 - mean_) / deviation_) - below_;
}

double PriorDensity::Mode() const {
  if (IsUniform()) return 0.5;
  if (cells_.empty()) return mean_;
  const auto highest = std::max_element(cells_.begin(), cells_.end());
  return (static_cast<double>(highest - cells_.begin()) + 0.5) /
         static_cast<double>(cells_.size());
}

double PriorDensity::CutNormal(double u) const {
  return NormalDensity((u - mean_) / deviation_) / (deviation_ * inside_);
}

double PriorDensity::LogDensity(double u) const {
  if (IsUniform()) return 0;
  u = std::clamp(u, 0.0, 1.0);
  if (cells_.empty()) return std::log((1 - kFloor) * CutNormal(u) + kFloor);
  const size_t cell =
      static_cast<size_t>(u * static_cast<double>(cells_.size()));
  return std::log(cells_[std::min(cell, cells_.size() - 1)]);
}

double PriorDensity::LogSlope(double u) const {
  if (deviation_ == 0) return 0;
  const double density = (1 - kFloor) * CutNormal(u);
  return -(u - mean_) / (deviation_ * deviation_) * density /
         (density + kFloor);
}

double PriorDensity::MassBelow(double u) const {
  const double cut = (NormalCdf((u - mean_) / deviation_) - below_) / inside_;
  return (1 - kFloor) * cut + kFloor * u;
}

double PriorDensity::Quantile(double p) const {
  p = std::clamp(p, 0.0, 1.0);
  if (IsUniform()) return p;
  if (!cells_.empty()) return QuantileOfCells(p);
  double low = 0, high = 1;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = (low + high) / 2;
    (MassBelow(middle) <= p ? low : high) = middle;
  }
  return low;
}

double PriorDensity::QuantileOfCells(double p) const {
  double left = p * static_cast<double>(cells_.size());
  size_t cell = 0;
  while (cell + 1 < cells_.size() && left >= cells_[cell]) {
    left -= cells_[cell++];
  }
  return (static_cast<double>(cell) + std::min(left / cells_[cell], 1.0)) /
         static_cast<double>(cells_.size());
}

}  // namespace assay
