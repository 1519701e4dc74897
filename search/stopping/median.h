#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "search/early_stopping_rule.h"
#include "search/stopping/curve.h"
#include "search/study.h"

namespace assay {

// The median rule of Google Vizier (Golovin et al. 2017): a trial stops if its
// best value up to step t is worse than the median of the others' running
// means up to t. The others are the trials that ended as COMPLETED or STOPPED
// and went as far as t: at least `min_trials`, else nothing is stopped.
//
// t is the trial's newest step, or with `interval_steps` above 1 its first at
// or after `warmup_steps` + a multiple of it. Equal to the median goes on. A
// NaN is worse than any number, and makes the running mean after it so too.
//
// A report costs O(log n) among n trials at steps that others reported too (a
// sorted table a step; at most kMaxTables and kMaxTableEntries in all), O(n)
// beyond. Of a finished trial kMaxPoints points are kept, evenly spaced.
class MedianRule final : public EarlyStoppingRule {
 public:
  static constexpr size_t kMaxTables = 1024;
  static constexpr size_t kMaxTableEntries = size_t{1} << 22;
  static constexpr size_t kMaxPoints = 1000;

  explicit MedianRule(const StudySpec& spec);

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  // A running mean, as a cost.
  struct Mean {
    int64_t step;
    double cost;
  };
  using FinishedCurve = std::vector<Mean>;  // By step, not empty.
  using Table = std::vector<double>;        // Costs, sorted.

  static FinishedCurve Thinned(const Curve& curve);
  static std::optional<double> MeanAt(const FinishedCurve& curve, int64_t step);
  Table TableAt(int64_t step) const;
  void AddTable(int64_t step);
  void AddToTables(const FinishedCurve& curve);
  std::string Reason(const Curve::Point& judged, const Table& table) const;

  const StoppingSpec spec_;
  RunningCurves running_;
  std::vector<FinishedCurve> finished_;
  std::map<int64_t, Table> tables_;  // By step.
};

}  // namespace assay
