#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "search/factory.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

inline StudySpec SpecWith(std::string algorithm,
                          std::vector<Parameter> parameters) {
  StudySpec spec;
  spec.algorithm.name = std::move(algorithm);
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(std::move(parameters));
  return spec;
}

inline Trial Completed(const Proposal& proposal, Metrics metrics) {
  Trial trial = AsTrial(proposal);
  trial.state = TrialState::kCompleted;
  trial.final_metrics = std::move(metrics);
  return trial;
}

// One of a user's.
inline Trial Completed(Parameters parameters, Metrics metrics) {
  return Completed(Proposal{.parameters = std::move(parameters)},
                   std::move(metrics));
}

// A strategy that learned of these and nothing else.
inline std::unique_ptr<SearchStrategy> Learned(
    const StudySpec& spec, const std::vector<Trial>& trials) {
  std::unique_ptr<SearchStrategy> strategy = MakeSearchStrategy(spec).value();
  for (const Trial& trial : trials) strategy->Observe(trial);
  return strategy;
}

inline std::vector<Proposal> Propose(SearchStrategy& strategy, int count,
                                     uint64_t stream = 0) {
  Random random(7, stream);
  return strategy.Suggest({}, count, random).value();
}

inline double Number(const Parameters& parameters, const std::string& name) {
  return *AsNumber(parameters.at(name));
}

}  // namespace assay
