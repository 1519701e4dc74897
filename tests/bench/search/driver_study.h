#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/early_stopping_rule.h"
#include "search/insight/study_model.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// A study without a coordinator: one strategy, its early-stopping rule if it
// has one, the trials it proposed, and the CPU time all that took. Gives the
// strategy what SearchRunner would: the same random streams, the unfinished
// trials in order of their numbers, each ended trial once, in order of their
// ends. A trial is named by its number, from 0.
class DriverStudy {
 public:
  // The errors of MakeSearchStrategy() and MakeEarlyStoppingRule(). `earlier`:
  // what it learns from first.
  static absl::StatusOr<DriverStudy> Create(
      StudySpec spec, const std::vector<EarlierStudy>& earlier = {});

  // Up to `count` new running trials. OutOfRange once the space is used up.
  absl::StatusOr<std::vector<Trial>> Suggest(int count);

  // A completed trial that the strategy did not propose. InvalidArgument if
  // the parameters are not of the space.
  absl::Status Add(Parameters parameters, Metrics final_metrics);

  // Why the trial should stop now, if the rule says so. NotFound, naming the
  // trial, unless it is running; so does the next.
  absl::StatusOr<std::optional<std::string>> Report(int64_t number,
                                                    int64_t step,
                                                    Metrics metrics);

  // Ends a trial. Metrics of the study that `final_metrics` lacks are taken
  // from its reports. REQUIRES: IsFinished(state).
  absl::Status End(int64_t number, TrialState state, Metrics final_metrics);

  // Of a metric, from what ended so far; the errors of StudyModel::Fit().
  absl::StatusOr<StudyModel> Model(const std::string& metric) const;

  // Microseconds of CPU, of all threads of the process, spent in calls of the
  // strategy and the rule since the last call of this.
  int64_t TakeCpuMicros();

 private:
  struct Running {
    Trial trial;
    std::vector<Measurement> curve;
  };

  DriverStudy(StudySpec spec, std::unique_ptr<SearchStrategy> strategy,
              std::unique_ptr<EarlyStoppingRule> rule);

  Trial NewTrial(const Proposal& proposal);
  void Observe(Trial trial, TrialState state,
               const std::vector<Measurement>& curve);
  absl::StatusOr<Running*> Find(int64_t number);
  Metrics Values(const Running& running, const Metrics& given) const;

  StudySpec spec_;
  std::unique_ptr<SearchStrategy> strategy_;
  std::unique_ptr<EarlyStoppingRule> rule_;  // Null: none.
  std::map<int64_t, Running> running_;       // By number.
  std::vector<Trial> finished_;              // In the order of their ends.
  int64_t created_ = 0;
  int64_t revision_ = 0;
  int64_t cpu_nanos_ = 0;
};

}  // namespace assay
