#pragma once

#include <optional>

#include <Eigen/Core>

#include "search/gradient/unit_gradient.h"

namespace assay {

// What a gradient says along one direction of the unit cube.
struct DirectionalDerivative {
  Eigen::VectorXd direction;  // [encoded_size], of length 1; 0 where not known.
  double value = 0;           // > 0.
  double variance = 0;        // Of it, as far as deviations were reported.
};

// Along itself: where it points once each coordinate is shrunk by its
// deviation. A noisy gradient is longer than the true one on average, and so is
// its part along its own direction: that bias is taken off. nullopt if nothing
// is left, or nothing is known.
//
//   g = true gradient + e,  e ~ N(0, diag(s^2));  h_j = g_j^3 / (g_j^2 + s_j^2)
//   direction u = h / |h|,  variance = sum u_j^2 s_j^2
//   value = (g . h - sum_j s_j^2 dh_j / dg_j) / |h|
//
// The last sum is E[e . h] by Stein's lemma, so that the numerator is that of
// the true gradient on average. (Without shrinking, h = g, it is (|g|^2 - sum
// s_j^2) / |g|.)
std::optional<DirectionalDerivative> AlongItself(const UnitGradient& gradient);

}  // namespace assay
