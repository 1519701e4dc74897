#pragma once

#include <vector>

#include "search/gradient/unit_gradient.h"

namespace assay {

// Whether gradients are right: what they said of the difference between two
// points, against the difference that was measured there. A gradient that says
// less than twice its own deviation of it proves nothing either way.
class GradientAudit {
 public:
  static constexpr int kLeast = 3;  // Before a method is given up.

  // `gradient` between `from` and `to`, encoded points, both near where it was
  // taken; `difference` of the metric, larger is better. NaN says nothing.
  void Learn(const UnitGradient& gradient, const std::vector<double>& from,
             const std::vector<double>& to, double difference);

  int right() const { return right_; }  // Of the same sign.
  int wrong() const { return wrong_; }
  // False once at least kLeast said something and most of them were wrong.
  bool IsTrusted() const {
    return right_ + wrong_ < kLeast || wrong_ <= right_;
  }

 private:
  int right_ = 0;
  int wrong_ = 0;
};

}  // namespace assay
