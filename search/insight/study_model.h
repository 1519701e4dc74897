#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "absl/status/statusor.h"
#include "search/gp/gaussian_process.h"
#include "search/gp/metric_model.h"
#include "search/insight/calibration.h"
#include "search/insight/metric_unit.h"
#include "search/insight/study_rows.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// What a Gaussian process says of an observation: its mean and its deviation,
// noise included, in the process's unit, in which larger is better.
struct NoisyBelief {
  double mean = 0;
  double deviation = 0;
};

// What is said of a row by a model that has not seen it.
struct LeftOutRow {
  NoisyBelief belief;
  double error = 0;  // Of the row's target, in the belief's deviations.
  // Natural logarithm of the density at its value, in the metric's unit.
  double log_score = 0;
  int unit = 0;  // Whose belief: see StudyModel::unit_of().
};

// The index in spec.metrics of a declared metric; of the first objective if
// `name` is empty. InvalidArgument, naming those that there are.
absl::StatusOr<int> FindMetric(const StudySpec& spec, const std::string& name);

// The model of one metric of a study, objective or not, to look at: fitted once
// to what its trials tell at one moment. Not a strategy's model, which also
// counts failed and stopped trials.
//
// Trials count that are COMPLETED with a finite value of the metric. FAILED and
// INFEASIBLE ones have none, and the value of a STOPPED one is that of another
// budget: these are left out. With a schedule the runs count that went to the
// largest number of steps that max(10, 2 (parameters + 1)) of them reached, as
// for the search. Runs of one configuration and budget are one row,
// their mean, with the noise divided by their number. Of more than kMostRows
// configurations the 250 best count, and of the others 750 evenly spread over
// the numbers of their trials.
//
// A row is left out honestly: up to kMostRefitted rows the transform of values
// and the hyperparameters that judge a row are fitted anew without it and
// without every 8th row beside it; only then is it predicted from all others.
// With those of all rows, intervals after 30 trials look fine and hold 78 % of
// what comes next instead of 90 %. Beyond, a row hardly moves them: they are
// those of all.
class StudyModel {
 public:
  static constexpr int kLeastRows = 4;
  static constexpr int kMostRows = 1000;
  static constexpr int kMostRefitted = 200;

  using Row = StudyRow;

  // Those that it is made of, without parameters.
  static std::vector<Row> Choose(const StudyRows& rows, int metric);

  // Fits it: O(n^3), about 1 s for 1,000 rows of 10 parameters. The same trials
  // give the same model. FailedPrecondition, in words, if the study has no
  // declared space, fewer than kLeastRows configurations have a value, or all
  // values are equal. `metric`: an index in spec->metrics. `rows`: as Choose()
  // gives them, with parameters.
  static absl::StatusOr<StudyModel> Fit(std::shared_ptr<const StudySpec> spec,
                                        int metric, std::vector<Row> rows);
  static absl::StatusOr<StudyModel> Fit(std::shared_ptr<const StudySpec> spec,
                                        int metric,
                                        const std::vector<Trial>& trials);

  const StudySpec& spec() const { return *spec_; }
  const MetricSpec& metric() const { return spec_->metrics[metric_]; }
  const std::vector<Row>& rows() const { return rows_; }
  const Features& features() const { return features_; }
  const GaussianProcess& process() const { return model_.process(); }

  // Between the process's unit and the metric's.
  const MetricUnit& unit() const { return unit_; }

  // Of a new trial at each of `points`, [encoded_size] as Encode() gives them.
  std::vector<NoisyBelief> Believe(
      const std::vector<std::vector<double>>& points) const;

  // Each row, predicted from all others.
  const std::vector<LeftOutRow>& left_out() const { return left_out_; }
  const MetricUnit& unit_of(const LeftOutRow& row) const {
    return left_out_units_[row.unit];
  }
  // Of the left-out rows' errors.
  const Calibration& calibration() const { return calibration_; }
  // The share of the values' variance that left-out predictions explain, in the
  // metric's unit: 1 - sum of squared errors / sum of squares around the mean.
  // At most 1; 0 or less: no better than the mean. -infinity if the numbers are
  // too large for it.
  double r_squared() const { return r_squared_; }
  // The same of targets, in the process's unit. Where that ranks and takes
  // logarithms (search/gp/output_transform.h), a few extreme values do not
  // decide about it; else it is r_squared(). Costs what Fit() does.
  double TargetRSquared() const;

 private:
  StudyModel(std::shared_ptr<const StudySpec> spec, int metric,
             std::vector<Row> rows);

  using Transform = BayesianOptions::Transform;

  Eigen::VectorXd SignedValues() const;  // [rows], larger is better.
  // Of these rows; `values` is [rows].
  MetricModel::Data DataOf(const std::vector<int>& rows,
                           const Eigen::VectorXd& values) const;
  MetricModel FitTo(const std::vector<int>& rows, const Eigen::VectorXd& values,
                    Transform transform) const;
  Eigen::VectorXd ExpectTargets(const std::vector<int>& fitted) const;
  void LeaveOut();
  void LeaveOut(int fold, int folds);
  void LeaveOut(const GaussianProcess& process, const MetricUnit& unit,
                int fold, int folds);

  std::shared_ptr<const StudySpec> spec_;
  int metric_;
  std::vector<Row> rows_;
  Features features_;
  MetricModel model_;
  MetricUnit unit_;
  std::vector<LeftOutRow> left_out_;
  std::vector<MetricUnit> left_out_units_;
  Calibration calibration_;
  double r_squared_ = 0;
};

}  // namespace assay
