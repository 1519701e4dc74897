#pragma once

#include <cstdint>
#include <utility>

#include "search/search_strategy.h"
#include "search/trial.h"

namespace assay {

// 128 bits for what a trial is: its parameters, budget, `continues` and
// replicate. Two that differ share one with a chance of 1e-28 among 100,000.
using Fingerprint = std::pair<uint64_t, uint64_t>;

Fingerprint FingerprintOf(const Trial& trial);
Fingerprint FingerprintOf(const Proposal& proposal);

}  // namespace assay
