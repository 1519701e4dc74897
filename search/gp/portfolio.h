#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "search/gp/acquisition.h"
#include "search/gp/surrogate.h"

namespace assay {

// What a proposal is chosen by. With several objectives:
enum class Arm {
  kConfidenceBound,  // HypervolumeScalarization of upper confidence bounds.
  kImprovement,      // HypervolumeImprovement for two, else as above.
  kExploration,      // As one objective: PureExploration of the first.
};

// kLogarithm: what is to be multiplied with a density (search/gp/prior_pull.h);
// exploration stays as it is.
enum class AcquisitionUnit { kModel, kLogarithm };

// "upper confidence bound": for people.
std::string ToText(Arm arm);

// An arm made for the surrogate as it is: incumbents, fronts, thresholds are
// means of the posterior at finished trials, so that one lucky result among
// noise misleads nobody. Bounds and failures come in by Feasibility; while no
// trial keeps the bounds, its probability leads and the rest counts a tenth.
struct ArmAcquisition {
  std::unique_ptr<const Acquisition> acquisition;
  // The best posterior mean among the trials that keep the bounds with a
  // probability of 1/2 and more, of the first objective, in the model's unit.
  double incumbent = 0;
};

// REQUIRES: surrogate.Update(). `seed`: of the directions of several
// objectives.
ArmAcquisition MakeAcquisition(Arm arm, const Surrogate& surrogate,
                               uint64_t seed,
                               AcquisitionUnit unit = AcquisitionUnit::kModel);

}  // namespace assay
