#include "server/recorded_trials.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kPage = 1000;

bool IsDeclared(const StudySpec& spec, const std::string& name) {
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.name == name) return true;
  }
  return false;
}

void KeepDeclared(const StudySpec& spec, Measurement& measurement) {
  measurement.gradients.clear();
  measurement.gradient_deviations.clear();
  std::erase_if(measurement.metrics, [&](const auto& metric) {
    return !IsDeclared(spec, metric.first);
  });
}

using ById = absl::flat_hash_map<TrialId, RecordedTrial>;

void Add(Changes changes, const StudySpec& spec, ById& trials) {
  for (Trial& trial : changes.trials) {
    trials[trial.id].trial = std::move(trial);
  }
  for (size_t i = 0; i < changes.measurements.size(); ++i) {
    KeepDeclared(spec, changes.measurements[i]);
    trials[changes.measurement_trials[i]].reports.push_back(
        {changes.measurement_attempts[i], std::move(changes.measurements[i])});
  }
}

}  // namespace

absl::StatusOr<std::vector<RecordedTrial>> ReadRecordedTrials(
    Storage& storage, const StudyView& view,
    absl::FunctionRef<absl::Status()> check) {
  if (view.study.counts.measurements > kMaxRecordedMeasurements) {
    return absl::FailedPreconditionError(absl::StrCat(
        "study \"", view.study.name, "\": ", view.study.counts.measurements,
        " measurements, at most ", kMaxRecordedMeasurements, " are looked at"));
  }
  ById trials;
  for (int64_t through = 0; through < view.study.revision;) {
    ASSAY_RETURN_IF_ERROR(check());
    int64_t before = through;
    ASSAY_RETURN_IF_ERROR(storage.Read([&](Snapshot& rows) -> absl::Status {
      ASSAY_ASSIGN_OR_RETURN(Changes changes,
                             rows.ChangesAfter(view.study.id, through, kPage));
      through = changes.through;
      Add(std::move(changes), *view.spec, trials);
      return absl::OkStatus();
    }));
    if (through == before) break;
  }
  std::vector<RecordedTrial> recorded;
  for (auto& [id, one] : trials) {
    if (one.trial.id == id && !one.trial.hidden) {
      recorded.push_back(std::move(one));
    }
  }
  std::sort(recorded.begin(), recorded.end(),
            [](const RecordedTrial& a, const RecordedTrial& b) {
              return a.trial.number < b.trial.number;
            });
  return recorded;
}

}  // namespace assay
