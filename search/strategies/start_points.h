#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "search/math/sobol.h"
#include "search/study.h"

namespace assay {

// Where a search that learns begins: first the parameters' defaults, the centre
// of the space for those without one; then points of a scrambled Sobol
// sequence. The n-th is a function of the space and the seed.
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
  const std::shared_ptr<const StudySpec> spec_;
  const ScrambledSobol sobol_;
  std::vector<double> first_;
  bool has_defaults_ = false;
};

}  // namespace assay
