#pragma once

#include <utility>

#include "search/gp/output_transform.h"
#include "search/study.h"

namespace assay {

// Between a metric's values and the targets of its model, of which larger is
// better.
class MetricUnit {
 public:
  MetricUnit(Goal goal, OutputTransform transform)
      : sign_(SignOf(goal)), transform_(std::move(transform)) {}

  // 1, or -1 for a metric to minimize: values times this are to be maximised.
  static double SignOf(Goal goal) { return goal == Goal::kMaximize ? 1 : -1; }

  // REQUIRES: finite arguments.
  double ToValue(double target) const {
    return sign_ * transform_.Inverse(target);
  }
  double ToTarget(double value) const {
    return transform_.Forward(sign_ * value);
  }
  // |d target / d value|
  double Slope(double value) const { return transform_.Slope(sign_ * value); }

 private:
  double sign_;
  OutputTransform transform_;
};

}  // namespace assay
