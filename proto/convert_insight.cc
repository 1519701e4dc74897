#include "proto/convert_insight.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"

namespace assay {
namespace {

v1::Interval ToMessage(const Interval& interval) {
  v1::Interval message;
  message.set_low(interval.low);
  message.set_high(interval.high);
  return message;
}

v1::Share ToMessage(const Estimate& estimate) {
  v1::Share message;
  message.set_value(estimate.value);
  message.set_standard_error(estimate.error);
  return message;
}

v1::ParameterImportance ToMessage(const ParameterImportance& importance) {
  v1::ParameterImportance message;
  message.set_name(importance.name);
  *message.mutable_first_order() = ToMessage(importance.first_order);
  *message.mutable_total() = ToMessage(importance.total);
  if (importance.within_best) {
    *message.mutable_within_best() = ToMessage(*importance.within_best);
  }
  return message;
}

}  // namespace

absl::StatusOr<std::vector<Parameters>> ToConfigurations(
    const v1::PredictRequest& request) {
  const int count = request.configurations_size();
  if (count < 1 || count > kMaxConfigurations) {
    return absl::InvalidArgumentError(
        absl::StrCat("configurations: ", count, "; 1 to ", kMaxConfigurations));
  }
  std::vector<Parameters> configurations;
  for (int i = 0; i < count; ++i) {
    absl::StatusOr<Parameters> parameters =
        ToParameters(request.configurations(i).parameters());
    if (!parameters.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("configurations[", i,
                       "]: ", std::string(parameters.status().message())));
    }
    configurations.push_back(*std::move(parameters));
  }
  return configurations;
}

v1::MetricPrediction ToMessage(const Prediction& prediction) {
  v1::MetricPrediction message;
  message.set_median(prediction.median);
  *message.mutable_half() = ToMessage(prediction.half);
  *message.mutable_most() = ToMessage(prediction.most);
  if (prediction.keeps_bound) message.set_keeps_bound(*prediction.keeps_bound);
  return message;
}

v1::ImportanceResponse ToMessage(const std::string& metric,
                                 const Importance& importance) {
  v1::ImportanceResponse message;
  message.set_metric(metric);
  for (const ParameterImportance& parameter : importance.parameters) {
    *message.add_parameters() = ToMessage(parameter);
  }
  message.set_r_squared(importance.r_squared);
  message.set_configurations(importance.rows);
  message.set_transformed(importance.transformed);
  return message;
}

v1::QualityResponse ToMessage(const std::string& metric,
                              const ModelQuality& quality) {
  v1::QualityResponse message;
  message.set_metric(metric);
  for (const LeftOutTrial& trial : quality.trials) {
    v1::LeftOutTrial& left_out = *message.add_trials();
    left_out.set_number(trial.number);
    left_out.set_runs(trial.count);
    left_out.set_observed(trial.observed);
    *left_out.mutable_predicted() = ToMessage(trial.predicted);
  }
  message.set_r_squared(quality.r_squared);
  message.set_rank_correlation(quality.rank_correlation);
  message.set_log_score(quality.log_score);
  message.set_coverage_half(quality.coverage.half);
  message.set_coverage_most(quality.coverage.most);
  return message;
}

}  // namespace assay
