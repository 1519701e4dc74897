#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "search/factory.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

inline StudySpec ScheduleStudy(const std::string& schedule,
                               const std::string& algorithm = "random",
                               int64_t max_steps = 27) {
  StudySpec spec;
  spec.algorithm.name = algorithm;
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(
      {{"x", DoubleDomain{.min = 0, .max = 1}, {}, {}},
       {"n", IntegerDomain{.min = 1, .max = 50}, {}, {}},
       {"kind",
        CategoricalDomain{{std::string("a"), std::string("b")}},
        {},
        {}}});
  spec.schedule.name = schedule;
  spec.schedule.max_steps = max_steps;
  spec.schedule.population.size = 5;
  spec.schedule.population.interval = std::min<int64_t>(3, max_steps);
  if (schedule == "gradient") spec.gradients.metric = "loss";
  spec.seed = 3;
  return spec;
}

// A study with a schedule as a coordinator runs it: trials start, run beside
// each other and end as they like.
class ScheduleRun {
 public:
  explicit ScheduleRun(StudySpec spec) : spec_(std::move(spec)) {
    strategy_ = Make();
  }

  std::unique_ptr<SearchStrategy> Make() const {
    auto strategy = MakeSearchStrategy(spec_);
    EXPECT_TRUE(strategy.ok()) << strategy.status();
    return *std::move(strategy);
  }

  const StudySpec& spec() const { return spec_; }
  const std::vector<Trial>& unfinished() const { return unfinished_; }
  const std::vector<Trial>& finished() const { return finished_; }

  absl::StatusOr<std::vector<Proposal>> Suggest(int count) {
    return SuggestBy(*strategy_, count);
  }
  absl::StatusOr<std::vector<Proposal>> SuggestBy(SearchStrategy& strategy,
                                                  int count) const {
    Random random(spec_.seed, (finished_.size() << 24) + unfinished_.size());
    return strategy.Suggest(unfinished_, count, random);
  }

  // The same as who has the log alone gives it.
  absl::StatusOr<std::vector<Proposal>> SuggestAnew(int count) const {
    const auto strategy = Make();
    for (size_t i = 0; i < finished_.size(); ++i) {
      Tell(*strategy, finished_[i], reports_[i]);
    }
    return SuggestBy(*strategy, count);
  }

  const Trial& Add(const Proposal& proposal) {
    Trial trial = AsTrial(proposal);
    trial.id = {100 + next_};
    trial.number = next_++;
    trial.state = TrialState::kRunning;
    unfinished_.push_back(trial);
    return unfinished_.back();
  }

  const Trial& Start() { return Add(Suggest(1).value().at(0)); }

  // Its last report comes with this gradient of "loss", if it is not empty.
  using Gradient = std::map<std::string, double>;
  void End(size_t i, TrialState state, Metrics metrics, int64_t last_step,
           Gradient gradient = {}, Gradient deviations = {}) {
    Trial trial = unfinished_[i];
    unfinished_.erase(unfinished_.begin() + static_cast<int64_t>(i));
    trial.state = state;
    trial.final_metrics = std::move(metrics);
    trial.last_step = last_step;
    Measurement report;
    report.step = last_step;
    report.metrics = trial.final_metrics;
    if (!gradient.empty()) report.gradients["loss"] = std::move(gradient);
    if (!deviations.empty()) {
      report.gradient_deviations["loss"] = std::move(deviations);
    }
    Tell(*strategy_, trial, report);
    finished_.push_back(std::move(trial));
    reports_.push_back(std::move(report));
  }

  // Completed at its `to_step`.
  void Complete(size_t i, double loss) {
    End(i, TrialState::kCompleted, {{"loss", loss}}, unfinished_[i].to_step);
  }

 private:
  static void Tell(SearchStrategy& strategy, const Trial& trial,
                   const Measurement& report) {
    if (strategy.WantsReports() && !report.metrics.empty()) {
      strategy.ObserveReport(trial, report);
    }
    strategy.Observe(trial);
  }

  const StudySpec spec_;
  std::unique_ptr<SearchStrategy> strategy_;
  std::vector<Trial> unfinished_;
  std::vector<Trial> finished_;
  std::vector<Measurement> reports_;  // Of finished_, the last of each.
  int64_t next_ = 0;
};

}  // namespace assay
