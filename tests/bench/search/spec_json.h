#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "search/study.h"

// What the driver reads and writes, in the words of a study file.

namespace assay {

// Of the fields algorithm, options, seed, metrics, parameters, constraints,
// max_parallel and max_trials; all but `parameters` and `metrics` may be left
// out. InvalidArgument, naming the field, if one is not what it should be.
absl::StatusOr<StudySpec> ReadStudySpec(const nlohmann::json& json);

// {"loss": 0.5}; null is NaN. InvalidArgument unless an object of numbers.
absl::StatusOr<Metrics> ReadMetrics(const nlohmann::json& json);

// {"x": 0.5, "kind": "a"}. InvalidArgument unless an object of such values.
absl::StatusOr<Parameters> ReadParameters(const nlohmann::json& json);
nlohmann::json WriteParameters(const Parameters& parameters);

}  // namespace assay
