#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <Eigen/Core>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "search/gp/acquisition/feasibility.h"
#include "search/gp/directional_derivative.h"
#include "search/gp/features.h"
#include "search/gp/fit_schedule.h"
#include "search/gp/metric_model.h"
#include "search/gp/transfer_sources.h"
#include "search/gp/trial_values.h"
#include "search/strategies/observation.h"
#include "search/study.h"

namespace assay {

// All that models know of a study: one of each objective, one of each bound,
// and, once 5 trials have failed and 5 succeeded, one of success. A function of
// the observed sequence: fits happen at FitPointsUpTo(), rows are appended in
// between, whenever Update() is called.
//
// What is known of a trial that was stopped early: search/gp/trial_values.h.
// Where its value has to be assumed it is the smaller of what the model of the
// others expects at its point and the median of what is known (objectives are
// maximised); with a schedule what it had at its last rung and the median of
// what others gained from there. It has four times the noise. While nothing is
// known it is its last value. Beyond 1,000 results the models see the 256 best
// and the 256 newest at each fit, and what came since.
//
// A gradient counts where the value that it belongs to does, along one
// direction (search/gp/directional_derivative.h).
class Surrogate {
 public:
  explicit Surrogate(std::shared_ptr<const StudySpec> spec);

  // Models that the objectives' ones may learn from. Before Update(); they must
  // outlive this.
  void SetSources(const TransferSources& sources);

  // In the order of the log. Cheap: the work is done by Update().
  void Learn(const Observation& observation);
  // What the trial of `observation.id`, learned before, brought at more steps.
  // REQUIRES: an id.
  void LearnLonger(const Observation& observation);

  // Brings the models up to all that was learned. False if there are none yet:
  // no trial has a value.
  bool Update();

  // Sets the points that count as pending, each [encoded_size], in order of
  // creation: O(n^2) for each behind the first that was not there before. A
  // function of `points`, whatever was set before. After Update().
  void SetPending(const std::vector<std::vector<double>>& points);

  const Features& features() const { return features_; }
  // Calls of Learn() and LearnLonger().
  int observations() const { return static_cast<int>(results_.size()); }
  // How many results the last fit saw.
  int fitted_at() const { return fitted_; }
  // The step at which trials are compared. nullopt: at their end.
  std::optional<int64_t> step() const { return values_.step(); }
  // Observation::curve is of use.
  bool WantsCurves() const { return values_.WantsCurves(); }

  int objectives() const { return static_cast<int>(objectives_.size()); }
  const MetricModel& objective(int k) const { return objectives_[k]; }
  // Those of the objectives, then those of requirements().
  std::vector<const GaussianProcess*> processes() const;
  std::vector<Requirement> requirements() const;

  // The rows of the objectives' models, [n].
  struct Row {
    const Eigen::VectorXd& point;  // As SearchSpace::Encode() gives it.
    bool succeeded;                // It has values, its own or assumed ones.
    bool feasible;                 // Each bound was kept.
  };
  int rows() const { return static_cast<int>(rows_.size()); }
  Row row(int i) const;
  // Which of them succeeded, best first by the first objective's target; with
  // several objectives by the sum of their targets. At most `count`.
  std::vector<int> BestRows(int count) const;
  // Some trial succeeded and kept each bound.
  bool AnyFeasible() const;

  // Every point that was learned, finished in any way.
  int points() const { return static_cast<int>(records_.size()); }
  const Eigen::VectorXd& point(int i) const { return records_[i].point; }

 private:
  // What a result said of the bounds.
  struct Verdict {
    int result = 0;         // From 0.
    bool feasible = false;  // Each bound was kept.
    std::vector<double> violations;
  };
  // Of the value of one objective that came with it.
  struct Slope {
    double value = 0;
    DirectionalDerivative along;
  };
  struct Record {
    Eigen::VectorXd point;                   // [encoded_size]
    Eigen::VectorXd x;                       // [features_.size()]
    std::vector<Verdict> verdicts;           // By rising result, at least one.
    std::vector<std::vector<Slope>> slopes;  // [objectives][by result].
  };
  static void AddSlopes(const Observation& observation, Record& record);

  // The last that was seen.
  const Verdict& VerdictOf(int i) const;
  void See(int results);

  void Fit(const FitPoint& fit);
  int RecordsIn(int results) const;
  void FitSuccess(bool anchor);
  void AppendRow(int i);
  void SetValues();
  std::vector<int> ActiveRows(int count) const;
  bool HasValues() const;

  // What counts with a value that is not known.
  bool IsAssumed(int i) const;
  void AssumeFitted();
  void AssumeAppended(int i);
  bool AnyKnown() const;
  std::optional<double> Extrapolated(int i, int objective) const;
  double KnownMedian(int objective) const;

  MetricModel::Data ObjectiveData(const std::vector<int>& rows, int k) const;
  std::vector<MetricModel::KnownDerivative> DerivativesOf(
      const std::vector<int>& rows, int k) const;
  MetricModel::Data BoundData(int k) const;
  MetricModel::Data SuccessData() const;
  template <typename Value>
  MetricModel::Data DataOf(const std::vector<int>& rows, Value value) const;

  const std::shared_ptr<const StudySpec> spec_;
  const Features features_;
  std::vector<Record> records_;
  std::vector<int> results_;                     // Whose they are: records.
  absl::flat_hash_map<int64_t, int> record_of_;  // By id.
  TrialValues values_;
  int seen_ = 0;  // Results.

  std::vector<MetricModel> objectives_;
  std::vector<MetricModel> bounds_;
  MetricModel success_;
  int fitted_ = 0;   // The last fit point, with its models.
  int updated_ = 0;  // Results that Update() saw.
  std::vector<int> rows_;
  std::vector<Eigen::VectorXd> pending_;  // [features_.size()] each.
};

}  // namespace assay
