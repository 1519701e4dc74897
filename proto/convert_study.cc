#include "proto/convert.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/convert_checkpoint.h"
#include "proto/convert_checks.h"
#include "proto/convert_gradients.h"
#include "proto/convert_metrics.h"
#include "proto/convert_schedule.h"
#include "proto/convert_space.h"
#include "proto/convert_stopping.h"
#include "proto/convert_trial_spec.h"
#include "proto/convert_values.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using convert::CheckName;
using convert::CheckRange;
using convert::Element;
using convert::Invalid;
using convert::OrDefault;
using convert::Quote;
using convert::SetTime;
using convert::Text;
using convert::ToMetricSpecs;
using convert::ToSearchSpace;
using convert::ToTrialSpec;

constexpr double kMaxFreshnessSeconds = 60;
constexpr int32_t kMaxGridPoints = 1'000'000;
constexpr int32_t kMaxStartTrials = 100'000;
constexpr int32_t kMaxTpeCandidates = 10'000;

absl::Status CheckStudyName(const std::string& name) {
  ASSAY_RETURN_IF_ERROR(CheckName(name, [] { return "name"; }));
  if (absl::StrContains(name, '/')) {
    return Invalid("name", Quote(name), "no '/', which parts owner and name");
  }
  const bool digits = std::all_of(name.begin(), name.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    return Invalid("name", Quote(name), "not only digits, which are an id");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ToOwner(const std::string& owner) {
  if (owner.empty()) return "local";
  ASSAY_RETURN_IF_ERROR(CheckName(owner, [] { return "owner"; }));
  if (absl::StrContains(owner, '/')) {
    return Invalid("owner", Quote(owner), "no '/', which parts owner and name");
  }
  return owner;
}

// The field that is set; strategies are named as the fields are.
std::string AlgorithmName(const v1::Algorithm& message) {
  const auto* field =
      v1::Algorithm::descriptor()->FindFieldByNumber(message.algorithm_case());
  return field == nullptr ? "auto" : field->name();
}

absl::StatusOr<Algorithm> ToAlgorithm(const v1::Algorithm& message) {
  Algorithm algorithm{.name = AlgorithmName(message),
                      .shuffle = message.grid().shuffle()};
  ASSAY_ASSIGN_OR_RETURN(
      algorithm.points_per_continuous,
      OrDefault("algorithm.grid.points", message.grid().points(),
                algorithm.points_per_continuous, kMaxGridPoints));
  const int32_t start_trials = message.bayesian().start_trials();
  ASSAY_RETURN_IF_ERROR(CheckRange("algorithm.bayesian.start_trials",
                                   start_trials, 0, kMaxStartTrials));
  algorithm.bayesian.start_trials = start_trials;
  ASSAY_ASSIGN_OR_RETURN(
      algorithm.candidates,
      OrDefault("algorithm.tpe.candidates", message.tpe().candidates(),
                algorithm.candidates, kMaxTpeCandidates));
  return algorithm;
}

absl::StatusOr<WarmStart> ToWarmStart(const v1::WarmStart& message,
                                      const std::string& path) {
  if (message.study().empty()) {
    return Invalid(absl::StrCat(path, ".study"), "empty",
                   "an id, \"owner/name\" or \"name\"");
  }
  switch (message.trust()) {
    case v1::SAME:
      return WarmStart{message.study(), Trust::kSame};
    case v1::SIMILAR:
      return WarmStart{message.study(), Trust::kSimilar};
    default:
      return Invalid(
          absl::StrCat(path, ".trust"),
          message.trust() == 0 ? "missing" : absl::StrCat(message.trust()),
          "SAME or SIMILAR");
  }
}

absl::StatusOr<std::vector<WarmStart>> ToWarmStarts(
    const v1::StudySpec& message) {
  std::vector<WarmStart> warm_starts;
  if (message.warm_start_size() > kMaxWarmStarts) {
    return Invalid("warm_start", absl::StrCat(message.warm_start_size()),
                   absl::StrCat("at most ", kMaxWarmStarts));
  }
  for (int i = 0; i < message.warm_start_size(); ++i) {
    ASSAY_ASSIGN_OR_RETURN(
        warm_starts.emplace_back(),
        ToWarmStart(message.warm_start(i), Element("warm_start", i)));
  }
  if (!warm_starts.empty() && message.parameters().empty()) {
    return Invalid("warm_start", absl::StrCat(warm_starts.size(), " studies"),
                   "none in a study without parameters: nothing is proposed");
  }
  return warm_starts;
}

absl::StatusOr<absl::Duration> ToMaxWait(const v1::Freshness& message) {
  if (message.always_fresh() && message.has_max_wait()) {
    return Invalid("freshness", "always_fresh and max_wait", "one of them");
  }
  if (message.always_fresh()) return absl::InfiniteDuration();
  if (!message.has_max_wait()) return StudySpec().max_wait;
  const double seconds = message.max_wait();
  if (seconds >= 0 && seconds <= kMaxFreshnessSeconds) {
    return absl::Seconds(seconds);
  }
  return Invalid("freshness.max_wait", Text(seconds), "0 to 60 seconds");
}

absl::Status CheckLimit(absl::string_view path, int64_t value) {
  if (value >= 1) return absl::OkStatus();
  return Invalid(path, absl::StrCat(value), "at least 1, or absent for none");
}

absl::Status CheckLimit(absl::string_view path, double value) {
  if (std::isfinite(value) && value > 0) return absl::OkStatus();
  return Invalid(path, Text(value), "finite, above 0, or absent for none");
}

}  // namespace

absl::StatusOr<StudySpec> ToStudySpec(const v1::StudySpec& message) {
  if (message.ByteSizeLong() > kMaxSpecBytes) {
    return Invalid("spec", absl::StrCat(message.ByteSizeLong(), " bytes"),
                   "at most 1 MiB (1048576 bytes)");
  }
  ASSAY_RETURN_IF_ERROR(CheckStudyName(message.name()));
  StudySpec spec;
  spec.name = message.name();
  ASSAY_ASSIGN_OR_RETURN(spec.owner, ToOwner(message.owner()));
  ASSAY_ASSIGN_OR_RETURN(spec.metrics, ToMetricSpecs(message));
  ASSAY_ASSIGN_OR_RETURN(spec.space, ToSearchSpace(message));
  ASSAY_ASSIGN_OR_RETURN(spec.algorithm, ToAlgorithm(message.algorithm()));
  ASSAY_ASSIGN_OR_RETURN(spec.stopping,
                         ToStoppingSpec(message.stopping(), spec.metrics));
  if (message.has_trial()) {
    ASSAY_ASSIGN_OR_RETURN(spec.trial, ToTrialSpec(message.trial()));
  }
  ASSAY_ASSIGN_OR_RETURN(spec.budget, ToBudget(message.budget()));
  ASSAY_ASSIGN_OR_RETURN(spec.max_wait, ToMaxWait(message.freshness()));
  ASSAY_ASSIGN_OR_RETURN(
      spec.replicates,
      OrDefault("replicates.count", message.replicates().count(), 1,
                kMaxReplicates));
  if (spec.replicates > 1 && spec.space.empty()) {
    return Invalid("replicates.count", absl::StrCat(spec.replicates),
                   "1 in a study without parameters: nothing is proposed");
  }
  ASSAY_ASSIGN_OR_RETURN(spec.warm_start, ToWarmStarts(message));
  ASSAY_ASSIGN_OR_RETURN(spec.checkpoint_bytes,
                         ToCheckpointBytes(message.checkpoints()));
  if (message.has_gradients()) {
    ASSAY_ASSIGN_OR_RETURN(spec.gradients,
                           ToGradients(message.gradients(), spec));
  }
  if (message.has_schedule()) {
    ASSAY_ASSIGN_OR_RETURN(spec.schedule, ToSchedule(message.schedule(), spec));
  }
  spec.priority = message.priority();
  spec.note = message.note();
  spec.seed = message.seed();
  return spec;
}

absl::StatusOr<Budget> ToBudget(const v1::Budget& message) {
  Budget budget;
#define ASSAY_LIMIT(field)                                                \
  if (message.has_##field()) {                                            \
    ASSAY_RETURN_IF_ERROR(CheckLimit("budget." #field, message.field())); \
    budget.field = message.field();                                       \
  }
  ASSAY_LIMIT(max_trials)
  ASSAY_LIMIT(max_parallel)
  ASSAY_LIMIT(max_seconds)
  ASSAY_LIMIT(max_steps_total)
  ASSAY_LIMIT(max_training_seconds)
  ASSAY_LIMIT(max_failed)
#undef ASSAY_LIMIT
  if (!message.has_target()) return budget;
  if (!std::isfinite(message.target())) {
    return Invalid("budget.target", Text(message.target()),
                   "finite, or absent for none");
  }
  budget.target = message.target();
  return budget;
}

v1::Budget ToMessage(const Budget& budget) {
  v1::Budget message;
  if (budget.max_trials) message.set_max_trials(*budget.max_trials);
  if (budget.max_parallel) message.set_max_parallel(*budget.max_parallel);
  if (budget.max_seconds) message.set_max_seconds(*budget.max_seconds);
  if (budget.max_steps_total) {
    message.set_max_steps_total(*budget.max_steps_total);
  }
  if (budget.max_training_seconds) {
    message.set_max_training_seconds(*budget.max_training_seconds);
  }
  if (budget.max_failed) message.set_max_failed(*budget.max_failed);
  if (budget.target) message.set_target(*budget.target);
  return message;
}

v1::Study ToMessage(const Study& study) {
  v1::Study message;
  message.set_id(study.id.value);
  message.set_state(ToMessage(study.state));
  message.set_completion(ToMessage(study.completion));
  message.set_reason(study.reason);
  *message.mutable_counts() = ToMessage(study.counts);
  message.set_revision(study.revision);
  message.set_spec_revision(study.spec_revision);
  SetTime(study.created, message.mutable_created());
  if (study.first_lease) {
    SetTime(*study.first_lease, message.mutable_first_lease());
  }
  if (study.completed) SetTime(*study.completed, message.mutable_completed());
  message.set_seed(study.seed);
  return message;
}

v1::EarlierStudy ToMessage(const EarlierStudy& earlier) {
  v1::EarlierStudy message;
  message.set_id(earlier.id.value);
  message.set_name(earlier.name);
  message.set_revision(earlier.revision);
  message.set_trust(static_cast<v1::Trust>(earlier.trust));
  message.set_ended(earlier.ended);
  message.set_used(earlier.used);
  for (const auto& [reason, count] : earlier.unused) {
    v1::UnusedTrials* unused = message.add_unused();
    unused->set_reason(reason);
    unused->set_count(count);
  }
  return message;
}

v1::StudyCounts ToMessage(const StudyCounts& counts) {
  v1::StudyCounts message;
  message.set_trials(counts.trials);
  message.set_configurations(counts.configurations);
  message.set_pending(counts.pending);
  message.set_running(counts.running);
  message.set_completed(counts.completed);
  message.set_stopped(counts.stopped);
  message.set_failed(counts.failed);
  message.set_infeasible(counts.infeasible);
  message.set_measurements(counts.measurements);
  message.set_steps(counts.steps);
  message.set_training_seconds(counts.training_seconds);
  return message;
}

// Each enum has the numbers of its message; a test compares the names.

v1::Study::State ToMessage(StudyState state) {
  return static_cast<v1::Study::State>(state);
}

v1::Study::Completion ToMessage(CompletionReason reason) {
  return static_cast<v1::Study::Completion>(reason);
}

}  // namespace assay
