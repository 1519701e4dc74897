#include "search/stopping/recorded_trial.h"

#include <algorithm>

namespace assay {
namespace {

using Report = RecordedTrial::Report;

// Those of the last attempt: the last ones.
absl::Span<const Report> LastAttempt(const RecordedTrial& recorded) {
  const std::vector<Report>& reports = recorded.reports;
  if (reports.empty()) return {};
  size_t first = reports.size();
  while (first > 0 && reports[first - 1].attempt == reports.back().attempt) {
    --first;
  }
  return absl::MakeSpan(reports).subspan(first);
}

// Between two reports of an attempt.
double SecondsBetween(const Measurement& a, const Measurement& b) {
  if (b.elapsed_seconds > 0) return b.elapsed_seconds - a.elapsed_seconds;
  return absl::ToDoubleSeconds(b.time - a.time);
}

}  // namespace

std::vector<RecordedEvent> EventsOf(absl::Span<const RecordedTrial> recorded) {
  std::vector<RecordedEvent> events;
  for (size_t i = 0; i < recorded.size(); ++i) {
    for (const Report& report : recorded[i].reports) {
      events.push_back({report.measurement.revision, i, &report});
    }
    const Trial& trial = recorded[i].trial;
    if (IsFinished(trial)) events.push_back({trial.ended_revision, i});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const RecordedEvent& a, const RecordedEvent& b) {
                     return a.revision < b.revision;
                   });
  return events;
}

int64_t LastStep(const RecordedTrial& recorded) {
  int64_t last = recorded.trial.from_step;
  for (const Report& report : LastAttempt(recorded)) {
    last = std::max(last, report.measurement.step);
  }
  return last;
}

std::optional<double> SecondsAStep(const RecordedTrial& recorded) {
  const absl::Span<const Report> reports = LastAttempt(recorded);
  if (reports.empty()) return std::nullopt;
  const auto by_step = [](const Report& a, const Report& b) {
    return a.measurement.step < b.measurement.step;
  };
  const Measurement& first = reports.front().measurement;
  const Measurement& last =
      std::max_element(reports.begin(), reports.end(), by_step)->measurement;
  const int64_t steps = last.step - first.step;
  const int64_t from_start = first.step - recorded.trial.from_step;
  const double seconds =
      steps > 0 ? SecondsBetween(first, last) : first.elapsed_seconds;
  const int64_t in_steps = steps > 0 ? steps : from_start;
  if (in_steps <= 0 || !(seconds > 0)) return std::nullopt;
  return seconds / static_cast<double>(in_steps);
}

double ReloadSeconds(const RecordedTrial& recorded) {
  const std::optional<double> pace = SecondsAStep(recorded);
  if (!pace) return 0;
  double seconds = 0;
  int32_t attempt = 0;
  // The step from which the next attempt goes on, if it does.
  std::optional<int64_t> resumed;
  if (recorded.trial.continues.value != 0) resumed = recorded.trial.from_step;
  std::vector<int64_t> steps;  // Of earlier attempts.
  for (const auto& [number, measurement] : recorded.reports) {
    if (number != attempt) {
      attempt = number;
      for (const int64_t step : steps) {
        if (step < measurement.step) {
          resumed = std::max(resumed.value_or(step), step);
        }
      }
      if (resumed && *resumed < measurement.step) {
        const double training =
            *pace * static_cast<double>(measurement.step - *resumed);
        seconds += std::max(0.0, measurement.elapsed_seconds - training);
      }
    }
    steps.push_back(measurement.step);
  }
  return seconds;
}

}  // namespace assay
