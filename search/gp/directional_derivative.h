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
//   value = g . u - sum_j s_j^2 du_j / dg_j,
//   du_j / dg_j = dh_j / dg_j (1 - u_j^2) / |h|
//
// By Stein's lemma the last sum is E[e . u], so that the value is on average
// the true derivative along u. (Of h = g, without shrinking, it is (tr S - u^T
// S u) / |g| with S = diag(s^2): a single coordinate has no direction to get
// wrong, and no bias.)
std::optional<DirectionalDerivative> AlongItself(const UnitGradient& gradient);

}  // namespace assay
