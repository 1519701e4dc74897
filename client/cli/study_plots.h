#pragma once

#include <string>
#include <vector>

#include "assay/v1/insight.pb.h"
#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"

namespace assay {

// Plots of a study, each a gnuplot script that writes one SVG file.

// Each objective's value of each trial that has one, with the best so far: of
// COMPLETED trials that keep the bounds and ran as far as any.
std::string HistoryPlot(const v1::Study& study,
                        const std::vector<v1::Trial>& trials,
                        const std::string& path);

// The shares of the parameters that decide most.
std::string ImportancePlot(const v1::Study& study,
                           const v1::ImportanceResponse& importance,
                           const std::string& path);

// Two of the objectives against each other: the front of `optimal` and the
// other COMPLETED trials. `x` and `y` are metrics of the study.
std::string ParetoPlot(const v1::Study& study,
                       const std::vector<v1::Trial>& trials,
                       const v1::OptimalResponse& optimal, const v1::Metric& x,
                       const v1::Metric& y, const std::string& path);

// The metrics without a bound.
std::vector<v1::Metric> ObjectivesOf(const v1::StudySpec& spec);

}  // namespace assay
