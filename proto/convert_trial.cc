#include "proto/convert.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert_checks.h"
#include "proto/convert_values.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using convert::CheckCount;
using convert::CheckName;
using convert::CheckRange;
using convert::Invalid;
using convert::Quote;
using convert::SetMetrics;
using convert::SetTime;
using convert::Text;
using convert::ToNamedValues;

absl::Status CheckDeviations(const Metrics& deviations, const Metrics& gradient,
                             const std::string& field) {
  for (const auto& [parameter, deviation] : deviations) {
    if (!gradient.contains(parameter)) {
      return Invalid(field, Quote(parameter),
                     "a parameter that by_parameter has");
    }
    if (deviation < 0) {
      return Invalid(absl::StrCat(field, "[", Quote(parameter), "]"),
                     Text(deviation), "at least 0");
    }
  }
  return absl::OkStatus();
}

absl::Status FillDeviations(const std::string& metric,
                            const v1::Gradient& gradient,
                            Measurement& measurement) {
  if (gradient.deviation_by_parameter().empty()) return absl::OkStatus();
  const std::string field =
      absl::StrCat("gradients[", Quote(metric), "].deviation_by_parameter");
  Metrics& deviations = measurement.gradient_deviations[metric];
  ASSAY_ASSIGN_OR_RETURN(deviations,
                         ToNamedValues(gradient.deviation_by_parameter(), field,
                                       SearchSpace::kMaxParameters));
  return CheckDeviations(deviations, measurement.gradients[metric], field);
}

absl::Status FillGradients(const v1::Measurement& message,
                           Measurement& measurement) {
  ASSAY_RETURN_IF_ERROR(
      CheckCount("gradients", message.gradients().size(), kMaxMetrics));
  for (const auto& [metric, gradient] : message.gradients()) {
    ASSAY_RETURN_IF_ERROR(
        CheckName(metric, [] { return "gradients, the name of one"; }));
    ASSAY_ASSIGN_OR_RETURN(
        measurement.gradients[metric],
        ToNamedValues(gradient.by_parameter(),
                      absl::StrCat("gradients[", Quote(metric), "]"),
                      SearchSpace::kMaxParameters));
    ASSAY_RETURN_IF_ERROR(FillDeviations(metric, gradient, measurement));
  }
  return absl::OkStatus();
}

void SetGradients(const Measurement& measurement, v1::Measurement& message) {
  for (const auto& [metric, gradient] : measurement.gradients) {
    SetMetrics(gradient,
               (*message.mutable_gradients())[metric].mutable_by_parameter());
  }
  for (const auto& [metric, deviations] : measurement.gradient_deviations) {
    SetMetrics(deviations, (*message.mutable_gradients())[metric]
                               .mutable_deviation_by_parameter());
  }
}

void SetOrigin(const Origin& origin, v1::Origin* message) {
  message->set_strategy(origin.strategy);
  message->set_why(origin.why);
  message->set_ordinal(origin.ordinal);
  message->set_seen_revision(origin.seen_revision);
  message->set_batch_index(origin.batch_index);
}

uint64_t SplitMix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace

absl::StatusOr<Measurement> ToMeasurement(const v1::Measurement& message) {
  // So far that the next one and a study's sum of steps can be counted.
  ASSAY_RETURN_IF_ERROR(
      CheckRange("sequence", message.sequence(), 0, kMaxInteger));
  ASSAY_RETURN_IF_ERROR(CheckRange("step", message.step(), 0, kMaxInteger));
  const double elapsed = message.elapsed_seconds();
  if (!std::isfinite(elapsed) || elapsed < 0) {
    return Invalid("elapsed_seconds", Text(elapsed), "finite, at least 0");
  }
  if (message.metrics().empty()) {
    return Invalid("metrics", "missing", "1 to 64");
  }
  Measurement measurement;
  measurement.sequence = message.sequence();
  measurement.step = message.step();
  measurement.elapsed_seconds = elapsed;
  ASSAY_ASSIGN_OR_RETURN(measurement.metrics, ToMetrics(message.metrics()));
  ASSAY_RETURN_IF_ERROR(FillGradients(message, measurement));
  if (message.has_instance()) measurement.instance = message.instance();
  return measurement;
}

v1::Measurement ToMessage(const Measurement& measurement) {
  v1::Measurement message;
  message.set_sequence(measurement.sequence);
  message.set_step(measurement.step);
  message.set_elapsed_seconds(measurement.elapsed_seconds);
  SetMetrics(measurement.metrics, message.mutable_metrics());
  SetGradients(measurement, message);
  if (measurement.instance) message.set_instance(*measurement.instance);
  message.set_revision(measurement.revision);
  if (measurement.time != absl::Time()) {
    SetTime(measurement.time, message.mutable_time());
  }
  return message;
}

v1::Trial ToMessage(const Trial& trial, uint64_t study_seed) {
  v1::Trial message;
  message.set_id(trial.id.value);
  message.set_study_id(trial.study.value);
  message.set_number(trial.number);
  message.set_state(ToMessage(trial.state));
  ToMessage(trial.parameters, message.mutable_parameters());
  message.set_from_step(trial.from_step);
  message.set_to_step(trial.to_step);
  message.set_continues(trial.continues.value);
  message.set_retry_of(trial.retry_of.value);
  message.set_replicate(trial.replicate);
  SetOrigin(trial.origin, message.mutable_origin());
  message.set_spec_revision(trial.spec_revision);
  message.set_note(trial.note);
  message.set_attempts(trial.attempts);
  message.set_reason(trial.reason);
  SetMetrics(trial.final_metrics, message.mutable_final_metrics());
  message.set_last_step(trial.last_step);
  SetTime(trial.created, message.mutable_created());
  if (trial.started) SetTime(*trial.started, message.mutable_started());
  if (trial.ended) SetTime(*trial.ended, message.mutable_ended());
  message.set_revision(trial.revision);
  message.set_seed(TrialSeed(study_seed, trial.number));
  return message;
}

v1::Attempt ToMessage(const Attempt& attempt) {
  v1::Attempt message;
  message.set_number(attempt.number);
  message.set_holder(attempt.holder);
  message.set_by_worker(attempt.by_worker);
  SetTime(attempt.started, message.mutable_started());
  if (attempt.ended) SetTime(*attempt.ended, message.mutable_ended());
  message.set_outcome(ToMessage(attempt.outcome));
  message.set_reason(attempt.reason);
  message.set_stop_reason(attempt.stop_reason);
  message.set_training_seconds(attempt.training_seconds);
  message.set_lease_seconds(absl::ToDoubleSeconds(attempt.lease));
  message.set_slot(attempt.slot);
  message.set_gpu(attempt.gpu);
  return message;
}

// Each enum has the numbers of its message; a test compares the names.

v1::Trial::State ToMessage(TrialState state) {
  return static_cast<v1::Trial::State>(state);
}

v1::Attempt::Outcome ToMessage(AttemptOutcome outcome) {
  return static_cast<v1::Attempt::Outcome>(outcome);
}

absl::StatusOr<TrialState> ToTrialState(v1::Trial::State state) {
  if (state != v1::Trial::STATE_UNSPECIFIED &&
      v1::Trial::State_IsValid(state)) {
    return static_cast<TrialState>(state);
  }
  return Invalid("state", absl::StrCat(static_cast<int>(state)),
                 "PENDING, RUNNING, COMPLETED, STOPPED, FAILED or INFEASIBLE");
}

uint64_t TrialSeed(uint64_t study_seed, int64_t number) {
  constexpr int kDropped = 64 - 53;
  return SplitMix64(SplitMix64(study_seed) + static_cast<uint64_t>(number)) >>
         kDropped;
}

}  // namespace assay
