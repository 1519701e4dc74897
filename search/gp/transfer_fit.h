#pragma once

#include <vector>

#include <Eigen/Core>

#include "search/gp/features.h"
#include "search/gp/map_fit.h"
#include "search/math/random.h"

namespace assay {

// A fit together with the weights of other studies' means.
struct TransferFit {
  MapFit map;
  Eigen::VectorXd weights;  // [sources + 1], the constant first.
};

// Regression on a trend with unknown weights (Rasmussen & Williams 2006, 2.7):
//
//   y ~ N(B b, K + B L B^T),  B: TransferMean::Basis(), [n, sources + 1],
//   b_0 = 0, L_00 = 1;  b_s = scale / S, L_ss = (scale / 2)^2 / S of S sources
//
// The kernel's parameters by FitMap() of that density, then the weights' mean
// given them, b + L B^T (K + B L B^T)^-1 (y - B b). A source that misleads gets
// a weight of about 0, or below it if it is wrong throughout. `scale` > 0: how
// much of the deviation the sources are expected to explain.
TransferFit FitTransfer(const Features& features, const Eigen::MatrixXd& x,
                        const Eigen::MatrixXd& basis, const Eigen::VectorXd& y,
                        const Eigen::VectorXd& noise_multipliers, double scale,
                        MapFitOptions options, Random& random);

}  // namespace assay
