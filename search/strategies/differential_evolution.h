#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Differential evolution with self-adapted F and CR (jDE, Brest et al. 2006):
// ten members for each parameter, from 10 to 60; a member's trial takes its
// place if it is not worse. rand/1/bin and best/1/bin in turns. A categorical
// parameter changes where the two members of the difference differ. For one
// objective.
std::unique_ptr<SearchStrategy> MakeDifferentialEvolution(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
