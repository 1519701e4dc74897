#include "search/replicates.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace assay {
namespace {

using Values = std::map<std::string, std::vector<double>>;

// Of the trials that are in one of `states`, by metric.
Values ValuesOf(const std::vector<Trial>& trials,
                const std::vector<TrialState>& states) {
  Values values;
  for (const Trial& trial : trials) {
    if (std::count(states.begin(), states.end(), trial.state) == 0) continue;
    for (const auto& [name, value] : trial.final_metrics) {
      values[name].push_back(value);
    }
  }
  return values;
}

double Mean(const std::vector<double>& values) {
  double mean = 0;
  // By parts: the sum of large values may overflow.
  for (size_t i = 0; i < values.size(); ++i) {
    mean += (values[i] - mean) / static_cast<double>(i + 1);
  }
  if (std::isfinite(mean)) return mean;
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// REQUIRES: two values or more.
double StandardError(const std::vector<double>& values) {
  const double mean = Mean(values);
  const auto n = static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1) / n);
}

Metrics Means(const Values& values) {
  Metrics means;
  for (const auto& [name, list] : values) means[name] = Mean(list);
  return means;
}

size_t CountOf(const std::vector<Trial>& trials, TrialState state) {
  return static_cast<size_t>(
      std::count_if(trials.begin(), trials.end(),
                    [&](const Trial& trial) { return trial.state == state; }));
}

TrialState MergedState(const std::vector<Trial>& trials) {
  if (2 * CountOf(trials, TrialState::kCompleted) >= trials.size()) {
    return TrialState::kCompleted;
  }
  if (2 * CountOf(trials, TrialState::kFailed) > trials.size()) {
    return TrialState::kFailed;
  }
  const bool infeasible = CountOf(trials, TrialState::kInfeasible) > 0;
  return infeasible ? TrialState::kInfeasible : TrialState::kStopped;
}

std::vector<TrialState> StatesThatCount(TrialState merged) {
  if (merged == TrialState::kCompleted) return {TrialState::kCompleted};
  if (merged != TrialState::kStopped) return {};
  return {TrialState::kCompleted, TrialState::kStopped};
}

ReplicateSummary Summarize(const std::vector<Trial>& trials) {
  ReplicateSummary summary{.first = trials.front(),
                           .mean = trials.front(),
                           .count = static_cast<int32_t>(trials.size())};
  const Values values =
      ValuesOf(trials, {TrialState::kCompleted, TrialState::kStopped});
  summary.mean.final_metrics = Means(values);
  for (const auto& [name, list] : values) {
    if (list.size() > 1) summary.standard_error[name] = StandardError(list);
  }
  return summary;
}

}  // namespace

bool IsReplicated(const Trial& trial) {
  return !trial.continues && !trial.retry_of &&
         trial.origin.strategy != "import" && trial.origin.strategy != "retry";
}

Trial ReplicateOf(const Trial& first, int32_t replicate) {
  Trial trial;
  trial.parameters = first.parameters;
  trial.from_step = first.from_step;
  trial.to_step = first.to_step;
  trial.replicate = replicate;
  trial.origin = first.origin;
  trial.origin.why =
      absl::StrCat("replicate ", replicate, " of trial ", first.number);
  return trial;
}

Trial MergeReplicates(const std::vector<Trial>& trials) {
  assert(!trials.empty());
  Trial merged = *std::min_element(trials.begin(), trials.end(),
                                   [](const Trial& a, const Trial& b) {
                                     return std::tie(a.replicate, a.number) <
                                            std::tie(b.replicate, b.number);
                                   });
  merged.replicate = 0;
  merged.state = MergedState(trials);
  const std::vector<TrialState> states = StatesThatCount(merged.state);
  merged.final_metrics = Means(ValuesOf(trials, states));
  for (const Trial& trial : trials) {
    const bool counts =
        std::count(states.begin(), states.end(), trial.state) > 0;
    if (counts) merged.last_step = std::min(merged.last_step, trial.last_step);
  }
  return merged;
}

std::vector<ReplicateSummary> SummarizeReplicates(
    const std::vector<Trial>& trials) {
  using Key = std::tuple<std::string, int64_t, int64_t, int64_t>;
  std::map<Key, std::vector<Trial>> groups;
  for (const Trial& trial : trials) {
    groups[{Identity(trial.parameters), trial.from_step, trial.to_step,
            trial.continues.value}]
        .push_back(trial);
  }
  const auto by_number = [](const Trial& a, const Trial& b) {
    return a.number < b.number;
  };
  std::vector<ReplicateSummary> summaries;
  for (auto& [key, group] : groups) {
    std::sort(group.begin(), group.end(), by_number);
    summaries.push_back(Summarize(group));
  }
  std::sort(summaries.begin(), summaries.end(),
            [&](const ReplicateSummary& a, const ReplicateSummary& b) {
              return by_number(a.first, b.first);
            });
  return summaries;
}

std::string WhyTied(const std::string& metric, const ReplicateSummary& a,
                    const ReplicateSummary& b) {
  const std::string both =
      absl::StrCat("trials ", a.first.number, " and ", b.first.number,
                   " cannot be told apart: ");
  for (const ReplicateSummary* one : {&a, &b}) {
    if (one->standard_error.contains(metric)) continue;
    return absl::StrCat(both, "trial ", one->first.number,
                        " has fewer than two values of ", metric);
  }
  const double difference = std::abs(a.mean.final_metrics.at(metric) -
                                     b.mean.final_metrics.at(metric));
  const double error =
      std::hypot(a.standard_error.at(metric), b.standard_error.at(metric));
  if (difference > 2 * error) return "";
  return absl::StrFormat(
      "%sthe means of %s differ by %.3g, not more than 2 standard errors of "
      "the difference, %.3g",
      both, metric, difference, 2 * error);
}

}  // namespace assay
