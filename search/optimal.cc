#include "search/optimal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/pareto.h"
#include "search/trial_fields.h"

namespace assay {
namespace {

const MetricSpec* FindMetric(const StudySpec& spec, const std::string& name) {
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::string MetricNames(const StudySpec& spec) {
  return absl::StrJoin(spec.metrics, ", ",
                       [](std::string* out, const MetricSpec& metric) {
                         out->append(metric.name);
                       });
}

bool IsDeclared(const StudySpec& spec, const std::string& name) {
  const auto parameters = spec.space.parameters();
  return TrialFields::IsOwn(name) || FindMetric(spec, name) != nullptr ||
         std::any_of(parameters.begin(), parameters.end(),
                     [&](const Parameter& p) { return p.name == name; });
}

bool IsOfSome(const std::vector<Trial>& trials, const std::string& name) {
  return std::any_of(trials.begin(), trials.end(), [&](const Trial& trial) {
    return TrialFields(trial).Find(name) != nullptr;
  });
}

void KeepState(TrialState state, std::vector<Trial>& trials) {
  std::erase_if(trials, [&](const Trial& t) { return t.state != state; });
}

// What a rank is found among.
void KeepRankable(const StudySpec& spec, const OptimalQuery& query,
                  std::vector<Trial>& trials) {
  std::erase_if(trials, [&](const Trial& trial) {
    return !HasObjectives(spec, trial) ||
           (query.where && !Passes(*query.where, trial));
  });
  const bool completed = std::any_of(
      trials.begin(), trials.end(),
      [](const Trial& trial) { return trial.state == TrialState::kCompleted; });
  KeepState(completed ? TrialState::kCompleted : TrialState::kStopped, trials);
}

// True if none is.
bool KeepFeasible(const StudySpec& spec, std::vector<Trial>& trials) {
  const auto feasible = [&](const Trial& t) { return IsFeasible(spec, t); };
  if (std::none_of(trials.begin(), trials.end(), feasible)) {
    return !trials.empty();
  }
  std::erase_if(trials, [&](const Trial& t) { return !feasible(t); });
  return false;
}

// Best first; without a value last.
void SortBy(const MetricSpec& metric, std::vector<Trial>& trials) {
  const auto value = [&](const Trial& trial) {
    const auto it = trial.final_metrics.find(metric.name);
    return it == trial.final_metrics.end() ? std::nan("") : it->second;
  };
  std::stable_sort(trials.begin(), trials.end(),
                   [&](const Trial& a, const Trial& b) {
                     return IsBetter(value(a), value(b), metric.goal);
                   });
}

void KeepFirst(int count, std::vector<Trial>& trials) {
  if (trials.size() > static_cast<size_t>(count)) trials.resize(count);
}

}  // namespace

bool HasObjectives(const StudySpec& spec, const Trial& trial) {
  const std::vector<int> objectives = Objectives(spec);
  return std::all_of(objectives.begin(), objectives.end(), [&](int i) {
    const auto it = trial.final_metrics.find(spec.metrics[i].name);
    return it != trial.final_metrics.end() && !std::isnan(it->second);
  });
}

absl::Status CheckQuery(const StudySpec& spec, const OptimalQuery& query,
                        const std::vector<Trial>& trials) {
  if (!query.prefer.empty() && FindMetric(spec, query.prefer) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("prefer: \"", query.prefer,
                     "\" is no metric of the study; ", MetricNames(spec)));
  }
  if (!query.where) return absl::OkStatus();
  for (const std::string& name : query.where->names()) {
    if (IsDeclared(spec, name) || IsOfSome(trials, name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "where: \"", name,
        "\" is no field, parameter or metric of the study's trials"));
  }
  return absl::OkStatus();
}

Optimal FindOptimal(const StudySpec& spec, std::vector<Trial> trials,
                    const OptimalQuery& query) {
  KeepRankable(spec, query, trials);
  Optimal optimal;
  optimal.infeasible = KeepFeasible(spec, trials);
  const std::vector<int> objectives = Objectives(spec);
  const MetricSpec* ranking = FindMetric(spec, query.prefer);
  if (objectives.size() == 1 && ranking == nullptr) {
    ranking = &spec.metrics[objectives[0]];
    optimal.trials = std::move(trials);
    std::sort(
        optimal.trials.begin(), optimal.trials.end(),
        [](const Trial& a, const Trial& b) { return a.number < b.number; });
  } else {
    optimal.trials = ParetoFront(spec, trials);
    const std::optional<size_t> knee = Knee(spec, optimal.trials);
    if (knee) optimal.knee = optimal.trials[*knee].id;
  }
  if (ranking == nullptr) return optimal;
  SortBy(*ranking, optimal.trials);
  KeepFirst(query.count, optimal.trials);
  return optimal;
}

std::string RankingMetric(const StudySpec& spec, const OptimalQuery& query) {
  if (!query.prefer.empty()) return query.prefer;
  const std::vector<int> objectives = Objectives(spec);
  return objectives.size() == 1 ? spec.metrics[objectives[0]].name : "";
}

OptimalConfigurations FindOptimalConfigurations(const StudySpec& spec,
                                                std::vector<Trial> trials,
                                                const OptimalQuery& query) {
  KeepRankable(spec, {}, trials);
  std::map<int64_t, ReplicateSummary> by_id;
  std::vector<Trial> means;
  for (ReplicateSummary& summary : SummarizeReplicates(trials)) {
    means.push_back(summary.mean);
    by_id.emplace(summary.first.id.value, std::move(summary));
  }
  OptimalQuery wider = query;  // The second is needed to tell the first apart.
  wider.count = std::max(2, query.count);
  OptimalConfigurations found;
  found.optimal = FindOptimal(spec, std::move(means), wider);
  for (Trial& trial : found.optimal.trials) {
    found.replicates.push_back(by_id.at(trial.id.value));
    trial = found.replicates.back().first;
  }
  const std::string ranking = RankingMetric(spec, query);
  if (ranking.empty()) return found;
  if (found.replicates.size() > 1) {
    found.tie = WhyTied(ranking, found.replicates[0], found.replicates[1]);
  }
  KeepFirst(query.count, found.optimal.trials);
  found.replicates.resize(found.optimal.trials.size());
  return found;
}

}  // namespace assay
