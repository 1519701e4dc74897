#pragma once

#include <vector>

#include "absl/types/span.h"
#include "search/math/random.h"

namespace assay {

// Independent probabilities of the categories of some parameters, moved by the
// natural gradient with an adaptive step (ASNG, Akimoto et al. 2019, "Adaptive
// stochastic natural gradient method for one-shot neural architecture search";
// in CatCMA, Hamano et al. 2024). No category becomes rarer than
//   (1 - 0.73^(1 / parameters)) / (K - 1)
// of K, so that no choice is final.
class CategoricalDistribution {
 public:
  // `counts`: of categories, each >= 1. Even at first.
  explicit CategoricalDistribution(std::vector<int> counts);

  // [parameters].
  std::vector<int> Draw(Random& random) const;

  // [categories] of parameter i.
  const std::vector<double>& probabilities(int i) const {
    return probabilities_[i];
  }

  // Moves towards `choices`, [points][parameters]; -1: the parameter was
  // inactive. `weights` of the points: >= 0, sum 1.
  void Update(absl::Span<const std::vector<int>> choices,
              absl::Span<const double> weights);

 private:
  using Table = std::vector<std::vector<double>>;

  Table NaturalGradient(absl::Span<const std::vector<int>> choices,
                        absl::Span<const double> weights) const;
  std::vector<double> Whiten(const Table& gradient) const;
  void Adapt(const std::vector<double>& direction);
  void KeepMargin(int i);

  const std::vector<int> counts_;
  Table probabilities_;  // [parameters][categories]
  int free_ = 0;         // Sum of categories - 1.

  double step_ = 1;      // delta
  double slowness_ = 1;  // Delta
  double gamma_ = 0;
  std::vector<double> path_;  // s
};

}  // namespace assay
