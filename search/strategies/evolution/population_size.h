#pragma once

#include "search/study.h"

namespace assay {

// How many trials a population holds: `wanted`, but at most a tenth of
// max_trials, so that it sees some generations, and at least `least`.
int PopulationSize(const StudySpec& spec, int wanted, int least);

}  // namespace assay
