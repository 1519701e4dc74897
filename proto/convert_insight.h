#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/insight.pb.h"
#include "search/insight/importance.h"
#include "search/insight/model_quality.h"
#include "search/insight/prediction.h"

// What InsightService takes and says, as convert.h does for the rest.

namespace assay {

inline constexpr int kMaxConfigurations = 1000;

// InvalidArgument, naming the configuration and the parameter, if there are
// none or more than kMaxConfigurations, and as ToParameters().
absl::StatusOr<std::vector<Parameters>> ToConfigurations(
    const v1::PredictRequest& request);

v1::MetricPrediction ToMessage(const Prediction& prediction);
v1::ImportanceResponse ToMessage(const std::string& metric,
                                 const Importance& importance);
v1::QualityResponse ToMessage(const std::string& metric,
                              const ModelQuality& quality);

}  // namespace assay
