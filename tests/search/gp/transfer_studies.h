#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "search/earlier_study.h"
#include "search/math/random.h"
#include "search/study.h"

namespace assay {

using Function = std::function<double(double x, double y)>;

// Minimizes "loss" over the unit square.
inline std::shared_ptr<const StudySpec> SquareSpec() {
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(
      {{"x", DoubleDomain{}, {}, {}}, {"y", DoubleDomain{}, {}, {}}});
  spec.seed = 5;
  return std::make_shared<const StudySpec>(std::move(spec));
}

// `trials` random ones of a study of `loss`.
inline EarlierStudy RandomStudy(std::string name, Trust trust, int trials,
                                const Function& loss) {
  EarlierStudy earlier{.name = std::move(name), .trust = trust};
  const auto spec = SquareSpec();
  Random random(static_cast<uint64_t>(trials));
  for (int i = 0; i < trials; ++i) {
    const double x = random.Uniform(), y = random.Uniform();
    Trial trial;
    trial.state = TrialState::kCompleted;
    trial.number = i;
    trial.parameters = {{"x", x}, {"y", y}};
    trial.final_metrics = {{"loss", loss(x, y)}};
    AddEarlier(trial, *spec, earlier);
  }
  return earlier;
}

// Least at (a, b).
inline Function Bowl(double a, double b) {
  return
      [=](double x, double y) { return (x - a) * (x - a) + (y - b) * (y - b); };
}

}  // namespace assay
