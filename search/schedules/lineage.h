#pragma once

#include "search/trial.h"

namespace assay {

// A configuration as one trial, as the strategy inside a schedule sees it:
// what `run`, the latest of its runs, brought to `first`.
Trial AsConfiguration(const Trial& first, const Trial& run);

// What an observed run says of its configuration: it brought it further, to the
// end or until somebody stopped it.
bool BringsFurther(const Trial& run);

}  // namespace assay
