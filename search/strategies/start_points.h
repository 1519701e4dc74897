#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "search/math/sobol.h"
#include "search/space_prior.h"
#include "search/study.h"

namespace assay {

// Where a search that learns begins: first the parameters' defaults; of those
// without one where their prior is greatest, the centre without one too. Then
// points of a scrambled Sobol sequence. With priors the centre comes second;
// then points of theirs and, in turn, of a sequence that is even over the space
// whatever they say: what a wrong belief is recognised by. The n-th is a
// function of the space and the seed.
class StartPoints {
 public:
  // `spec` must hold a space.
  explicit StartPoints(std::shared_ptr<const StudySpec> spec);

  // How many before a model is asked: min(parameters + 1, 10), or the number of
  // trials that may run at once if that is larger, but at most a third of
  // max_trials.
  static int64_t Count(const StudySpec& spec);

  // [encoded_size], each in [0, 1]. REQUIRES: index >= 0.
  std::vector<double> Point(int64_t index) const;
  std::string Why(int64_t index) const;

 private:
  bool IsOfPriors(int64_t index) const;

  const std::shared_ptr<const StudySpec> spec_;
  const SpacePrior prior_;
  const ScrambledSobol sobol_;
  const ScrambledSobol even_;  // Beside the priors'.
  std::vector<double> first_;
  std::vector<double> centre_;  // But for defaults.
  std::string why_first_;
};

}  // namespace assay
