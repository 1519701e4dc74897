#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "search/trial.h"

namespace assay {

// The last report that has the metric at the value that the trial ended with,
// and a gradient of it; nullptr if there is none.
const Measurement* ReportedGradient(const Trial& trial,
                                    absl::Span<const Measurement> reports,
                                    const std::string& metric);

// What replicates reported of a metric's gradient, as a report of `mean`, which
// MergeReplicates() made of them: the means of the gradients that belong to the
// values of those that count in it, by the parameters that all of these name,
// and their deviations by those of which all told one. No gradient if one of
// them has none. `reports` are those of `trials`, in the same order.
Measurement MeanGradient(const Trial& mean, absl::Span<const Trial> trials,
                         const std::vector<std::vector<Measurement>>& reports,
                         const std::string& metric);

}  // namespace assay
