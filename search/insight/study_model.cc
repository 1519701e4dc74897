#include "search/insight/study_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace assay {
namespace {

constexpr int kBestKept = 250;
constexpr int kFolds = 8;
constexpr size_t kShownBytes = 64;  // Of a wrong name.
constexpr int kFirstFit = 200;      // Rows that the fit of more starts from.

using Row = StudyModel::Row;

// `count` of 0, ..., n - 1, evenly spread, rising. REQUIRES: 1 < count <= n.
std::vector<int> Spread(int n, int count) {
  std::vector<int> chosen;
  for (int64_t i = 0; i < count; ++i) {
    chosen.push_back(static_cast<int>(i * (n - 1) / (count - 1)));
  }
  return chosen;
}

// 0, ..., n - 1 without those of a fold, fold, fold + folds, ...; -1: none.
std::vector<int> Others(int n, int fold, int folds) {
  std::vector<int> others;
  for (int i = 0; i < n; ++i) {
    if (fold < 0 || i % folds != fold) others.push_back(i);
  }
  return others;
}

// Whose rows they are.
void SetParameters(const std::vector<Trial>& trials, std::vector<Row>& rows) {
  std::map<int64_t, const Trial*> by_number;
  for (const Trial& trial : trials) by_number[trial.number] = &trial;
  for (Row& row : rows) row.parameters = by_number[row.number]->parameters;
}

absl::Status CheckRows(const MetricSpec& metric, const std::vector<Row>& rows) {
  if (rows.size() < StudyModel::kLeastRows) {
    return absl::FailedPreconditionError(absl::StrCat(
        rows.size(), " configurations are COMPLETED with a value of \"",
        metric.name, "\"; a model needs ", StudyModel::kLeastRows));
  }
  const bool constant = std::all_of(
      rows.begin(), rows.end(),
      [&](const Row& row) { return row.value == rows.front().value; });
  if (!constant) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "all ", rows.size(), " values of \"", metric.name, "\" are ",
      ToText(ParameterValue(rows.front().value)), ": nothing to explain"));
}

// By parts of the largest value, so that squares are numbers.
double RSquared(const std::vector<double>& observed,
                const std::vector<double>& predicted) {
  double largest = 0;
  for (const double value : observed) {
    largest = std::max(largest, std::abs(value));
  }
  double mean = 0, errors = 0, squares = 0;
  for (const double value : observed) {
    mean += value / largest / static_cast<double>(observed.size());
  }
  for (size_t i = 0; i < observed.size(); ++i) {
    const double value = observed[i] / largest;
    errors += std::pow(value - predicted[i] / largest, 2);
    squares += std::pow(value - mean, 2);
  }
  const double share = 1 - errors / squares;
  return std::isfinite(share) ? share
                              : -std::numeric_limits<double>::infinity();
}

}  // namespace

absl::StatusOr<int> FindMetric(const StudySpec& spec, const std::string& name) {
  if (name.empty()) return Objectives(spec).front();
  std::vector<std::string> names;
  for (size_t i = 0; i < spec.metrics.size(); ++i) {
    if (spec.metrics[i].name == name) return static_cast<int>(i);
    names.push_back(spec.metrics[i].name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "metric: \"", absl::Utf8SafeCEscape(name.substr(0, kShownBytes)),
      "\" is no metric of the study; ", absl::StrJoin(names, ", ")));
}

std::vector<Row> StudyModel::Choose(const StudyRows& rows, int metric) {
  return rows.Choose(metric, kMostRows, kBestKept);
}

absl::StatusOr<StudyModel> StudyModel::Fit(
    std::shared_ptr<const StudySpec> spec, int metric,
    const std::vector<Trial>& trials) {
  StudyRows all(*spec);
  for (const Trial& trial : trials) all.Add(trial);
  std::vector<Row> rows = Choose(all, metric);
  SetParameters(trials, rows);
  return Fit(std::move(spec), metric, std::move(rows));
}

absl::StatusOr<StudyModel> StudyModel::Fit(
    std::shared_ptr<const StudySpec> spec, int metric, std::vector<Row> rows) {
  if (spec->space.empty()) {
    return absl::FailedPreconditionError(
        "the study declares no parameters: there is nothing to model");
  }
  const absl::Status fits = CheckRows(spec->metrics[metric], rows);
  if (!fits.ok()) return fits;
  return StudyModel(std::move(spec), metric, std::move(rows));
}

StudyModel::StudyModel(std::shared_ptr<const StudySpec> spec, int metric,
                       std::vector<Row> rows)
    : spec_(std::move(spec)),
      metric_(metric),
      rows_(std::move(rows)),
      features_(spec_->space),
      model_(FitTo(Others(static_cast<int>(rows_.size()), -1, 1),
                   SignedValues(), Transform::kAuto)),
      unit_(this->metric().goal, model_.output()),
      calibration_(Eigen::VectorXd()) {
  LeaveOut();
}

Eigen::VectorXd StudyModel::SignedValues() const {
  Eigen::VectorXd values(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    values[static_cast<Eigen::Index>(i)] = rows_[i].value;
  }
  return MetricUnit::SignOf(metric().goal) * values;
}

MetricModel::Data StudyModel::DataOf(const std::vector<int>& rows,
                                     const Eigen::VectorXd& values) const {
  const auto n = static_cast<Eigen::Index>(rows.size());
  MetricModel::Data data{Eigen::MatrixXd(n, features_.size()),
                         Eigen::VectorXd(n), Eigen::VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const Row& row = rows_[rows[i]];
    data.x.row(i) = features_.Embed(spec_->space.Encode(row.parameters));
    data.values[i] = values[rows[i]];
    data.multipliers[i] = 1.0 / row.count;
  }
  return data;
}

// From scratch; of many rows first with some, then a few steps with all.
MetricModel StudyModel::FitTo(const std::vector<int>& rows,
                              const Eigen::VectorXd& values,
                              Transform transform) const {
  const BayesianOptions options{.transform = transform};
  MetricModel model(MetricModel::Role::kObjective, features_, options,
                    spec_->seed);
  const auto n = static_cast<int>(rows.size());
  if (n <= kFirstFit) {
    model.Fit(DataOf(rows, values), /*anchor=*/true);
    return model;
  }
  std::vector<int> some;
  for (const int i : Spread(n, kFirstFit)) some.push_back(rows[i]);
  model.Fit(DataOf(some, values), /*anchor=*/true);
  model.Fit(DataOf(rows, values), /*anchor=*/false);
  return model;
}

void StudyModel::LeaveOut() {
  const auto n = static_cast<int>(rows_.size());
  left_out_.resize(n);
  if (n > kMostRefitted) {
    LeaveOut(process(), unit_, 0, 1);
  } else {
    const int folds = std::min(kFolds, n);
    for (int fold = 0; fold < folds; ++fold) LeaveOut(fold, folds);
  }
  Eigen::VectorXd errors(n);
  std::vector<double> observed, predicted;
  for (int i = 0; i < n; ++i) {
    errors[i] = left_out_[i].error;
    observed.push_back(rows_[i].value);
    predicted.push_back(
        unit_of(left_out_[i]).ToValue(left_out_[i].belief.mean));
  }
  calibration_ = Calibration(errors);
  r_squared_ = RSquared(observed, predicted);
}

// The rows of one fold, with what was fitted to those of the others.
void StudyModel::LeaveOut(int fold, int folds) {
  const auto n = static_cast<int>(rows_.size());
  const MetricModel model =
      FitTo(Others(n, fold, folds), SignedValues(), Transform::kAuto);
  const MetricUnit unit(metric().goal, model.output());
  const MetricModel::Data all = DataOf(Others(n, -1, 1), SignedValues());
  Eigen::VectorXd targets(n);
  for (int i = 0; i < n; ++i) targets[i] = unit.ToTarget(rows_[i].value);
  LeaveOut(GaussianProcess(features_, model.process().hyperparameters(), all.x,
                           targets, all.multipliers),
           unit, fold, folds);
}

// `process` has all rows.
void StudyModel::LeaveOut(const GaussianProcess& process,
                          const MetricUnit& unit, int fold, int folds) {
  const LeaveOneOut others = process.LeaveOneOutPosterior();
  const Eigen::VectorXd scores = others.LogScores(process.y());
  for (int i = fold; i < process.size(); i += folds) {
    const NoisyBelief belief{others.mean[i], std::sqrt(others.variance[i])};
    left_out_[i] = {
        .belief = belief,
        .error = (process.y()[i] - belief.mean) / belief.deviation,
        .log_score = scores[i] + std::log(unit.Slope(rows_[i].value)),
        .unit = static_cast<int>(left_out_units_.size())};
  }
  left_out_units_.push_back(unit);
}

// What is expected of each target: a fold's are predicted as LeaveOut() does,
// but that the targets are what is modelled.
double StudyModel::TargetRSquared() const {
  if (model_.output().kind() == OutputTransform::Kind::kStandardize) {
    return r_squared_;
  }
  const auto n = static_cast<int>(rows_.size());
  const Eigen::VectorXd& y = process().y();
  Eigen::VectorXd expected(n);
  if (n > kMostRefitted) {
    expected = process().LeaveOneOutPosterior().mean;
  } else {
    const int folds = std::min(kFolds, n);
    for (int fold = 0; fold < folds; ++fold) {
      const Eigen::VectorXd means = ExpectTargets(Others(n, fold, folds));
      for (int i = fold; i < n; i += folds) expected[i] = means[i];
    }
  }
  return RSquared({y.begin(), y.end()}, {expected.begin(), expected.end()});
}

// Of each row by all others, with parameters fitted to some.
Eigen::VectorXd StudyModel::ExpectTargets(
    const std::vector<int>& fitted) const {
  const Eigen::VectorXd& y = process().y();
  const MetricModel model = FitTo(fitted, y, Transform::kStandardize);
  const auto n = static_cast<int>(rows_.size());
  const MetricModel::Data all = DataOf(Others(n, -1, 1), y);
  const auto forward = [&](double v) { return model.output().Forward(v); };
  const auto inverse = [&](double v) { return model.output().Inverse(v); };
  return GaussianProcess(features_, model.process().hyperparameters(), all.x,
                         y.unaryExpr(forward), all.multipliers)
      .LeaveOneOutPosterior()
      .mean.unaryExpr(inverse);
}

std::vector<NoisyBelief> StudyModel::Believe(
    const std::vector<std::vector<double>>& points) const {
  Eigen::MatrixXd x(points.size(), features_.size());
  for (size_t i = 0; i < points.size(); ++i) {
    x.row(static_cast<Eigen::Index>(i)) = features_.Embed(points[i]);
  }
  const Posterior posterior = process().Predict(x);
  const double noise = process().hyperparameters().noise_variance;
  std::vector<NoisyBelief> beliefs;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    beliefs.push_back(
        {posterior.mean[i], std::sqrt(posterior.variance[i] + noise)});
  }
  return beliefs;
}

}  // namespace assay
