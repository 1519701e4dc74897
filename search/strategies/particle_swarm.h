#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Particle swarm with one global best (Kennedy & Eberhart 1995, w 0.729 and
// c1 = c2 = 1.494 of Clerc & Kennedy 2002): 40 particles that move in turns. A
// particle's velocity is its last move, at most half of the range; its first is
// half of the way to anywhere. The one that is the swarm's best itself searches
// a tenth of the range around it besides (as van den Bergh & Engelbrecht 2002,
// with a fixed radius): nothing else would pull it. A categorical parameter
// takes the particle's, its best's or the swarm's value with chances in the
// same weights. For one objective.
std::unique_ptr<SearchStrategy> MakeParticleSwarm(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
