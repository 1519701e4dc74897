#pragma once

#include "search/gp/acquisition.h"

namespace assay {

// deviation_all + 10 min(0, mean + deviation / 2 - threshold) of the first
// model: where most is to be learned among what may still be good (UCB-PE,
// Contal et al. 2013, as in Vizier, Song et al. 2024).
class PureExploration final : public Acquisition {
 public:
  // `threshold`: the mean at the point with the best upper confidence bound of
  // those seen.
  explicit PureExploration(double threshold) : threshold_(threshold) {}

  Score Evaluate(absl::Span<const Belief> beliefs) const override;

 private:
  const double threshold_;
};

}  // namespace assay
