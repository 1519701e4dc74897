#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "search/math/random.h"
#include "search/study.h"
#include "search/trial.h"

// Studies that were run elsewhere, for the tests of what is said of them.

namespace assay {

// One objective, "loss", to minimize.
inline StudySpec SpecOf(std::vector<Parameter> parameters,
                        std::vector<std::string> constraints = {}) {
  StudySpec spec;
  spec.name = "s";
  spec.metrics = {{.name = "loss"}};
  spec.space =
      *SearchSpace::Create(std::move(parameters), std::move(constraints));
  spec.seed = 7;
  return spec;
}

inline std::shared_ptr<const StudySpec> Shared(StudySpec spec) {
  return std::make_shared<const StudySpec>(std::move(spec));
}

// `count` numbers x0, x1, ... in [min, max].
inline std::vector<Parameter> Numbers(int count, double min, double max) {
  std::vector<Parameter> parameters;
  for (int i = 0; i < count; ++i) {
    parameters.push_back(
        {.name = "x" + std::to_string(i), .domain = DoubleDomain{min, max}});
  }
  return parameters;
}

inline Trial TrialOf(int64_t number, Parameters parameters, Metrics metrics,
                     TrialState state = TrialState::kCompleted) {
  Trial trial;
  trial.id = TrialId{number + 1};
  trial.number = number;
  trial.state = state;
  trial.parameters = std::move(parameters);
  trial.final_metrics = std::move(metrics);
  return trial;
}

// COMPLETED trials of random configurations that pass the constraints.
inline std::vector<Trial> RandomTrials(
    const StudySpec& spec, int count, uint64_t seed,
    const std::function<Metrics(const Parameters&)>& measure) {
  Random random(seed);
  std::vector<Trial> trials;
  while (static_cast<int>(trials.size()) < count) {
    std::vector<double> point(spec.space.encoded_size());
    for (double& u : point) u = random.Uniform();
    const Parameters parameters = spec.space.Decode(point);
    if (!spec.space.Satisfies(parameters)) continue;
    trials.push_back(TrialOf(static_cast<int64_t>(trials.size()), parameters,
                             measure(parameters)));
  }
  return trials;
}

inline double Get(const Parameters& parameters, const std::string& name) {
  return *AsNumber(parameters.at(name));
}

// sin x0 + 7 sin^2 x1 + 0.1 x2^4 sin x0, on [-pi, pi]^3 (Ishigami & Homma
// 1990).
inline double Ishigami(double x0, double x1, double x2) {
  return std::sin(x0) + 7 * std::pow(std::sin(x1), 2) +
         0.1 * std::pow(x2, 4) * std::sin(x0);
}

inline StudySpec IshigamiSpec() {
  return SpecOf(Numbers(3, -std::numbers::pi, std::numbers::pi));
}

inline Metrics MeasureIshigami(const Parameters& p) {
  return {{"loss", Ishigami(Get(p, "x0"), Get(p, "x1"), Get(p, "x2"))}};
}

}  // namespace assay
