#include "search/lineages.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/trial_fields.h"

namespace assay {
namespace {

constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

bool Counts(const StudySpec& spec, const OptimalQuery& query,
            const Trial& trial) {
  return trial.state == TrialState::kCompleted && HasObjectives(spec, trial) &&
         (!query.where || Passes(*query.where, trial));
}

}  // namespace

int64_t LastStep(const Trial& run) {
  return run.to_step == 0 ? kToTheEnd : run.to_step;
}

std::vector<Trial> LineageOf(const Trial& end,
                             const std::vector<Trial>& trials) {
  std::map<int64_t, const Trial*> by_id;
  for (const Trial& trial : trials) by_id[trial.id.value] = &trial;
  std::vector<Trial> runs = {end};
  // Each is older than the one that continues it.
  for (auto before = by_id.find(end.continues.value);
       before != by_id.end() && before->second->id.value < runs.back().id.value;
       before = by_id.find(runs.back().continues.value)) {
    runs.push_back(*before->second);
  }
  std::reverse(runs.begin(), runs.end());
  return runs;
}

size_t EnoughConfigurations(const StudySpec& spec) {
  const auto parameters = static_cast<size_t>(spec.space.encoded_size());
  return std::max<size_t>(10, 2 * (parameters + 1));
}

std::vector<Trial> OfOneBudget(const StudySpec& spec, size_t least,
                               std::vector<Trial> trials) {
  if (!spec.schedule.exists()) return trials;
  std::erase_if(trials, [](const Trial& trial) {
    return trial.state != TrialState::kCompleted;
  });
  std::map<int64_t, size_t, std::greater<>> reached;  // How many, by step.
  for (const Trial& trial : trials) reached[LastStep(trial)] += 1;
  if (reached.empty()) return trials;
  int64_t step = reached.rbegin()->first;
  for (const auto& [candidate, count] : reached) {
    if (count < least) continue;
    step = candidate;
    break;
  }
  std::erase_if(trials,
                [&](const Trial& trial) { return LastStep(trial) != step; });
  return trials;
}

OptimalLineages FindOptimalLineages(const StudySpec& spec,
                                    std::vector<Trial> trials,
                                    const OptimalQuery& query) {
  OptimalLineages found;
  int64_t reached = 0;
  for (const Trial& trial : trials) {
    if (Counts(spec, query, trial)) reached = std::max(reached, LastStep(trial));
  }
  reached = std::min(reached, spec.schedule.max_steps);
  std::vector<Trial> ends = trials;
  if (reached > 0) {
    std::erase_if(ends, [&](const Trial& trial) {
      return !Counts(spec, query, trial) || LastStep(trial) < reached;
    });
  }
  if (reached < spec.schedule.max_steps && reached > 0) {
    found.shortfall = absl::StrCat("no configuration has reached step ",
                                   spec.schedule.max_steps, "; the best of ",
                                   ends.size(), " that reached step ", reached);
  }
  found.optimal = FindOptimal(spec, std::move(ends), query);
  for (const Trial& end : found.optimal.trials) {
    found.runs.push_back(LineageOf(end, trials));
  }
  return found;
}

}  // namespace assay
