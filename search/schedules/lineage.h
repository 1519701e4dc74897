#pragma once

#include <vector>

#include "search/search_strategy.h"
#include "search/trial.h"

namespace assay {

// A configuration as one trial, as the strategy inside a schedule sees it:
// what `run`, the latest of its runs, brought to `first`.
Trial AsConfiguration(const Trial& first, const Trial& run);

// Observe() and ObserveLonger() of the strategy inside a schedule, after what
// the run reported, if it wants that.
void Tell(SearchStrategy& inner, const Trial& configuration,
          const std::vector<Measurement>& reports);
void TellLonger(SearchStrategy& inner, const Trial& configuration,
                const std::vector<Measurement>& reports);

// What an observed run says of its configuration: it brought it further, to the
// end or until somebody stopped it.
bool BringsFurther(const Trial& run);

}  // namespace assay
