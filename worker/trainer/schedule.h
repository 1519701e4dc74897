#pragma once

#include <cstdint>

#include "worker/trainer/configuration.h"

namespace assay {

// The learning rate after `progress` epochs (fractions count, so it may change
// from batch to batch), of a base rate:
//   constant  base
//   step      base * gamma^floor(progress / step_size)
//   cosine    minimum + (base - minimum) / 2 * (1 + cos(pi progress / horizon))
//             up to the horizon, minimum beyond (Loshchilov and Hutter 2017)
// `horizon` is the number of epochs that a whole training takes, > 0. Of the
// cosine both may as well be seconds.
double LearningRate(const ScheduleConfig& schedule, double base,
                    double progress, int64_t horizon);

}  // namespace assay
