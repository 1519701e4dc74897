#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "search/math/cma.h"
#include "search/math/random.h"
#include "search/search_space.h"
#include "search/strategies/cma_es/categorical_distribution.h"

namespace assay {

// A distribution over encoded points (SearchSpace::Encode()): CMA-ES for the
// numbers, CategoricalDistribution for the rest (CatCMA with margin, Hamano et
// al. 2024). A parameter with levels keeps a chance of 1 / (numbers population)
// to leave the level of the mean, so that it never freezes (Hamano et al. 2022,
// "CMA-ES with margin").
class MixedDistribution {
 public:
  // `mean`: [encoded_size]; NaN and categorical coordinates are ignored.
  // `sigma`: of each number. `space` must outlive this.
  MixedDistribution(const SearchSpace& space, const std::vector<double>& mean,
                    double sigma, int population);

  // Cma::DefaultPopulation() for the parameters of `space`.
  static int DefaultPopulation(const SearchSpace& space);

  // As Cma::SetMean(); NaN counts as 1/2.
  void SetMean(const std::vector<double>& mean);

  // [encoded_size], each in [0, 1]: drawn again, at most 100 times, while a
  // number is outside, then clamped.
  std::vector<double> Draw(Random& random) const;

  // `ranked` are [population][encoded_size], best first. A number that was
  // inactive counts as drawn from `noise`, so that nothing is learned of it.
  void Update(absl::Span<const std::vector<double>> ranked, Random& noise);

  // There is nothing left to learn: all numbers are settled to 1e-11, or the
  // axes differ so much that rounding decides.
  bool IsSpent() const;

 private:
  // The ends of the level of number i that holds `u`; 0 and 1 at the ends.
  std::pair<double, double> Cell(int i, double u) const;

  std::vector<double> Numbers(const std::vector<double>& point) const;
  std::vector<int> Choices(const std::vector<double>& point) const;
  std::vector<double> DrawNumbers(Random& random) const;
  void UpdateNumbers(absl::Span<const std::vector<double>> ranked,
                     Random& noise);
  void UpdateChoices(absl::Span<const std::vector<double>> ranked);
  void KeepMargin(int i);
  void KeepOuterMargin(int i, double border);
  void KeepInnerMargin(int i, double low, double high);

  const SearchSpace& space_;
  std::vector<int> numbers_;       // Columns.
  std::vector<int> categoricals_;  // Columns.
  std::vector<int> counts_;        // Of categories.
  const std::vector<double> weights_;
  double margin_ = 0;
  std::optional<Cma> cma_;
  std::optional<CategoricalDistribution> choices_;
};

}  // namespace assay
