#pragma once

#include "worker/trainer/configuration.h"
#include "worker/trainer/data/dataset.h"

namespace assay {

// Examples drawn from `config.seed`; the same configuration gives the same set.
//   blobs     a normal cloud a class, centres uniform in [-5, 5]^features,
//             standard deviation `noise`
//   spirals   one arm a class in the plane, one and a half turns, plus noise
//   linear    y = w.x + noise, x and w standard normal
//   friedman  y = 10 sin(pi x1 x2) + 20 (x3 - 0.5)^2 + 10 x4 + 5 x5 + noise, x
//             uniform, the other features without meaning (Friedman 1991)
Dataset MakeSynthetic(const SyntheticConfig& config);

}  // namespace assay
