#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "search/early_stopping_rule.h"
#include "search/stopping/rank_table.h"
#include "search/stopping/running_curves.h"
#include "search/stopping/step_standing.h"
#include "search/study.h"

namespace assay {

// A trial stops if its best value up to step t does not reach the best
// `percent` percent of the others' at t. The others are the trials that ended
// as COMPLETED or STOPPED and went as far as t: at least `min_trials`, else
// nothing is stopped. They are taken with their running means up to t
// (`against` kMean; at 50 percent the median rule of Google Vizier, Golovin et
// al. 2017), with their last value (kLatest: the percentile rule of Optuna,
// Akiba et al. 2019) or with their best (kBest), see RankTable for what is
// better and for several objectives.
//
// t is JudgedPoint()'s. Equal to the percentile goes on. A NaN is worse than
// any number, and makes the running mean after it so too.
//
// A report costs O(log n) among n trials at steps that others reported too (a
// table a step; at most kMaxTables and kMaxTableEntries in all), O(n) beyond.
// Of a finished trial kMaxPoints points are kept, evenly spaced. With several
// objectives a report costs O(n), the first at a step O(n^2).
class PercentileRule final : public EarlyStoppingRule {
 public:
  static constexpr size_t kMaxTables = 1024;
  static constexpr size_t kMaxTableEntries = size_t{1} << 22;
  static constexpr size_t kMaxPoints = 1000;

  PercentileRule(const StudySpec& study, RuleSpec rule);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  // What a trial is compared with, by step. Not empty.
  struct FinishedCurve {
    std::vector<int64_t> steps;
    std::vector<double> numbers;  // [steps][violation, then each cost]
  };

  FinishedCurve Thinned(const TrialCurves& trial) const;
  std::optional<StepStanding> StandingOf(const FinishedCurve& curve,
                                         int64_t step) const;
  RankTable TableAt(int64_t step) const;
  void AddTable(int64_t step);
  void AddToTables(const FinishedCurve& curve);
  std::string Reason(const StepStanding& standing, int64_t step,
                     const RankTable& table) const;

  const RuleSpec rule_;
  const PointCost compared_;
  RunningCurves running_;
  size_t objectives_ = 0;
  std::vector<FinishedCurve> finished_;
  std::map<int64_t, RankTable> tables_;  // By step.
};

}  // namespace assay
