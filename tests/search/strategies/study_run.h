#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "search/factory.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// What training a configuration gives.
using Train = std::function<Metrics(const Parameters& parameters)>;

// The finished trials of a study with `workers` at once, the oldest of which
// ends first, each completed. Random numbers as the coordinator draws them.
inline std::vector<Trial> RunStudy(const StudySpec& spec, size_t trials,
                                   size_t workers, const Train& train) {
  const auto strategy = MakeSearchStrategy(spec).value();
  std::vector<Trial> running, finished;
  while (finished.size() < trials) {
    while (running.size() < workers) {
      Random random(spec.seed, (finished.size() << 24) + running.size());
      running.push_back(
          AsTrial(strategy->Suggest(running, 1, random).value()[0]));
    }
    Trial trial = std::move(running.front());
    running.erase(running.begin());
    trial.id = {static_cast<int64_t>(finished.size()) + 1};
    trial.state = TrialState::kCompleted;
    trial.final_metrics = train(trial.parameters);
    strategy->Observe(trial);
    finished.push_back(std::move(trial));
  }
  return finished;
}

}  // namespace assay
