#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "search/gp/features.h"
#include "search/gp/metric_model.h"
#include "search/study.h"

namespace assay {

// What a population's members gained a step, by their parameters and where in
// training they were: population-based bandits (Parker-Holder et al. 2020,
// "Provably Efficient Online Hyperparameter Optimization with Population-Based
// Bandits"). A Gaussian process over the parameters and the step, one length
// more: gains of long ago tell less of those to come. The paper multiplies a
// squared exponential of the parameters by (1 - omega)^(|t - t'| / 2); here
// both are one Matern 5/2 kernel, whose lengths the gains decide.
class IncrementModel {
 public:
  static constexpr size_t kMostRows = 200;  // The newest.
  static constexpr size_t kLeastRows = 3;

  explicit IncrementModel(std::shared_ptr<const StudySpec> spec);

  // A run with these parameters from `step` on gained so much a step; larger is
  // better.
  void Learn(const Parameters& parameters, int64_t step, double gain);

  struct Point {
    Parameters parameters;
    int64_t step = 0;
  };
  // Index of the candidate of which most can be hoped: mean + 1.8 deviations
  // (GP-UCB), the deviation knowing that `running` will tell. nullopt before
  // kLeastRows gains. O(kMostRows^3).
  std::optional<size_t> Best(const std::vector<Point>& candidates,
                             const std::vector<Point>& running) const;

 private:
  Eigen::VectorXd Embed(const Point& point) const;
  MetricModel Fitted() const;

  const std::shared_ptr<const StudySpec> spec_;
  const Features features_;
  std::vector<Eigen::VectorXd> rows_;
  std::vector<double> gains_;
};

}  // namespace assay
