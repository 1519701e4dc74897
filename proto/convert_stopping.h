#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/insight.pb.h"
#include "assay/v1/study.pb.h"
#include "search/stopping/replay.h"
#include "search/stopping/savings.h"
#include "search/stopping_spec.h"
#include "search/study.h"

// When a study stops its trials, as convert.h does for the rest.

namespace assay {

inline constexpr int kMaxRules = 16;

// InvalidArgument, naming the field (`stopping.any_of[1].median.min_trials`),
// its value and what is allowed, if a number is out of range, a metric is none
// of `metrics`, or there is more or less than one rule where one belongs.
absl::StatusOr<StoppingSpec> ToStoppingSpec(
    const v1::Stopping& message, const std::vector<MetricSpec>& metrics,
    const std::string& path = "stopping");

// What ReplayRequest takes: each rule as above.
absl::StatusOr<std::vector<StoppingSpec>> ToStoppingSpecs(
    const v1::ReplayRequest& request, const std::vector<MetricSpec>& metrics);

// By the same rules of one study: at least one.
v1::ReplayResponse ToMessage(const std::vector<RuleReplay>& replays);
v1::SavingsResponse ToMessage(const Savings& savings);

}  // namespace assay
