#include "worker/trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace assay {

double LearningRate(const ScheduleConfig& schedule, double base,
                    double progress, int64_t horizon) {
  switch (schedule.kind) {
    case ScheduleKind::kConstant:
      return base;
    case ScheduleKind::kStep: {
      const double steps =
          std::floor(progress / static_cast<double>(schedule.step_size));
      return base * std::pow(schedule.gamma, steps);
    }
    case ScheduleKind::kCosine: {
      const double part =
          std::min(progress / static_cast<double>(horizon), 1.0);
      return schedule.minimum + (base - schedule.minimum) / 2 *
                                    (1 + std::cos(std::numbers::pi * part));
    }
  }
  return base;
}

}  // namespace assay
