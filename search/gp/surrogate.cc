#include "search/gp/surrogate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace assay {
namespace {

constexpr int kLeastOfEach = 5;  // Failures, successes: for a model of success.
constexpr int kAllUpTo = 1000;
constexpr int kBestKept = 256;
constexpr int kNewestKept = 256;
constexpr int kPanel = 64;  // Pending rows.

int Bounds(const StudySpec& spec) {
  return static_cast<int>(spec.metrics.size() - Objectives(spec).size());
}

int WholePanels(int rows) { return rows - rows % kPanel; }

// Ranks from 0, worst first; ties in the order of the log.
std::vector<double> RankOf(const std::vector<double>& values) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t r = 0; r < order.size(); ++r) ranks[order[r]] = double(r);
  return ranks;
}

}  // namespace

Surrogate::Surrogate(std::shared_ptr<const StudySpec> spec)
    : spec_(std::move(spec)),
      features_(spec_->space),
      values_(static_cast<int>(Objectives(*spec_).size()),
              features_.parameters()),
      success_(MetricModel::Role::kSuccess, features_,
               spec_->algorithm.bayesian, spec_->seed) {
  const BayesianOptions& options = spec_->algorithm.bayesian;
  for (size_t k = 0; k < Objectives(*spec_).size(); ++k) {
    objectives_.emplace_back(MetricModel::Role::kObjective, features_, options,
                             spec_->seed + k);
  }
  for (int k = 0; k < Bounds(*spec_); ++k) {
    bounds_.emplace_back(MetricModel::Role::kBound, features_, options,
                         spec_->seed + k);
  }
}

void Surrogate::SetSources(const TransferSources& sources) {
  for (int k = 0; k < objectives(); ++k) {
    objectives_[k].SetSources(sources.processes(k));
  }
}

void Surrogate::Learn(const Observation& observation) {
  if (observation.id) record_of_[observation.id.value] = points();
  records_.push_back({.point = Eigen::Map<const Eigen::VectorXd>(
                          observation.point.data(), features_.parameters()),
                      .x = features_.Embed(observation.point),
                      .verdicts = {{.result = observations(),
                                    .feasible = !observation.HasFailed() &&
                                                observation.IsFeasible(),
                                    .violations = observation.violations}}});
  AddSlopes(observation, records_.back());
  results_.push_back(points() - 1);
  values_.Learn(observation);
  seen_ = observations();
}

void Surrogate::AddSlopes(const Observation& observation, Record& record) {
  record.slopes.resize(observation.values.size());
  for (size_t k = 0; k < observation.gradients.size(); ++k) {
    auto along = AlongItself(observation.gradients[k]);
    if (!along) continue;
    record.slopes[k].push_back({observation.values[k], *std::move(along)});
  }
}

void Surrogate::LearnLonger(const Observation& observation) {
  const auto known = record_of_.find(observation.id.value);
  if (known == record_of_.end()) return;
  records_[known->second].verdicts.push_back(
      {.result = observations(),
       .feasible = observation.IsFeasible(),
       .violations = observation.violations});
  AddSlopes(observation, records_[known->second]);
  results_.push_back(known->second);
  values_.LearnLonger(known->second, observation);
  seen_ = observations();
}

const Surrogate::Verdict& Surrogate::VerdictOf(int i) const {
  const std::vector<Verdict>& all = records_[i].verdicts;
  auto last = std::prev(all.end());
  while (last != all.begin() && last->result >= seen_) --last;
  return *last;
}

void Surrogate::See(int results) {
  seen_ = results;
  values_.See(results);
}

bool Surrogate::Update() {
  const int count = observations();
  if (count == updated_) return HasValues();
  const std::vector<FitPoint> points = FitPointsUpTo(count);
  for (const FitPoint& fit : points) {
    const bool last = fit.count == points.back().count;
    if (fit.count > fitted_ && (fit.anchor || last)) Fit(fit);
  }
  for (int i = std::max(updated_, fitted_); HasValues() && i < count; ++i) {
    See(i + 1);
    const bool is_new = records_[results_[i]].verdicts[0].result == i;
    if (is_new) AppendRow(results_[i]);
  }
  See(count);
  if (HasValues()) SetValues();
  updated_ = count;
  pending_.clear();
  return HasValues();
}

bool Surrogate::HasValues() const { return objectives_[0].exists(); }

void Surrogate::Fit(const FitPoint& fit) {
  fitted_ = fit.count;
  See(fit.count);
  values_.ChooseStep(fit.count);
  rows_ = ActiveRows(RecordsIn(fit.count));
  for (MetricModel& model : objectives_) model.Clear();
  for (MetricModel& model : bounds_) model.Clear();
  success_.Clear();
  const bool any = std::any_of(rows_.begin(), rows_.end(),
                               [&](int i) { return !values_.HasFailed(i); });
  if (!any) return;
  AssumeFitted();
  for (int k = 0; k < objectives(); ++k) {
    objectives_[k].Fit(ObjectiveData(rows_, k), fit.anchor);
  }
  for (size_t k = 0; k < bounds_.size(); ++k) {
    const MetricModel::Data data = BoundData(static_cast<int>(k));
    if (data.x.rows() > 0) bounds_[k].Fit(data, fit.anchor);
  }
  FitSuccess(fit.anchor);
}

int Surrogate::RecordsIn(int results) const {
  return static_cast<int>(
      std::partition_point(records_.begin(), records_.end(),
                           [&](const Record& record) {
                             return record.verdicts[0].result < results;
                           }) -
      records_.begin());
}

void Surrogate::FitSuccess(bool anchor) {
  const MetricModel::Data data = SuccessData();
  const auto failures = (data.values.array() < 0).count();
  if (failures < kLeastOfEach) return;
  if (data.values.size() - failures < kLeastOfEach) return;
  success_.Fit(data, anchor);
}

void Surrogate::AppendRow(int i) {
  const Record& record = records_[i];
  if (IsAssumed(i)) AssumeAppended(i);
  rows_.push_back(i);
  const double multiplier = values_.NoiseMultiplier(i);
  for (MetricModel& model : objectives_) model.Append(record.x, multiplier);
  for (size_t k = 0; k < bounds_.size(); ++k) {
    if (bounds_[k].exists() && std::isfinite(VerdictOf(i).violations[k])) {
      bounds_[k].Append(record.x, multiplier);
    }
  }
  if (success_.exists()) success_.Append(record.x, multiplier);
}

void Surrogate::SetValues() {
  for (int k = 0; k < objectives(); ++k) {
    const MetricModel::Data data = ObjectiveData(rows_, k);
    objectives_[k].SetValues(data.values, data.derivatives);
  }
  for (size_t k = 0; k < bounds_.size(); ++k) {
    if (!bounds_[k].exists()) continue;
    bounds_[k].SetValues(BoundData(static_cast<int>(k)).values);
  }
  if (success_.exists()) success_.SetValues(SuccessData().values);
}

std::vector<int> Surrogate::ActiveRows(int count) const {
  std::vector<int> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  if (count <= kAllUpTo) return rows;
  std::vector<double> goodness(count, 0.0);
  for (int k = 0; k < objectives(); ++k) {
    std::vector<double> values;
    for (const int i : rows) {
      const bool counts = values_.IsKnown(i) && VerdictOf(i).feasible;
      values.push_back(counts ? values_.Value(i, k)
                              : -std::numeric_limits<double>::infinity());
    }
    const std::vector<double> ranks = RankOf(values);
    for (const int i : rows) goodness[i] += ranks[i];
  }
  const int old = count - kNewestKept;
  std::stable_sort(rows.begin(), rows.begin() + old,
                   [&](int a, int b) { return goodness[a] > goodness[b]; });
  rows.erase(rows.begin() + kBestKept, rows.begin() + old);
  std::sort(rows.begin(), rows.end());
  return rows;
}

bool Surrogate::IsAssumed(int i) const {
  return !values_.HasFailed(i) && !values_.IsKnown(i);
}

bool Surrogate::AnyKnown() const {
  return std::any_of(rows_.begin(), rows_.end(),
                     [this](int i) { return values_.IsKnown(i); });
}

// By a model of the others.
void Surrogate::AssumeFitted() {
  std::vector<int> others, assumed;
  for (const int i : rows_) (IsAssumed(i) ? assumed : others).push_back(i);
  if (assumed.empty() || !AnyKnown()) return;
  for (int k = 0; k < objectives(); ++k) {
    const double median = KnownMedian(k);
    const Eigen::VectorXd expected = objectives_[k].ExpectFrom(
        ObjectiveData(others, k), ObjectiveData(assumed, k).x);
    for (size_t i = 0; i < assumed.size(); ++i) {
      values_.Assume(
          assumed[i], k,
          Extrapolated(assumed[i], k).value_or(std::min(expected[i], median)));
    }
  }
}

// By the model as it is before.
void Surrogate::AssumeAppended(int i) {
  if (!AnyKnown()) return;
  SetValues();
  for (int k = 0; k < objectives(); ++k) {
    const Eigen::MatrixXd x = records_[i].x.transpose();
    const double modest = std::min(objectives_[k].Expect(x)[0], KnownMedian(k));
    values_.Assume(i, k, Extrapolated(i, k).value_or(modest));
  }
}

// In a schedule: all ran to the same steps.
std::optional<double> Surrogate::Extrapolated(int i, int objective) const {
  if (!spec_->schedule.exists()) return std::nullopt;
  return values_.Extrapolated(i, objective);
}

// The upper one of two.
double Surrogate::KnownMedian(int objective) const {
  std::vector<double> values;
  for (const int i : rows_) {
    if (values_.IsKnown(i)) values.push_back(values_.Value(i, objective));
  }
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <typename Value>
MetricModel::Data Surrogate::DataOf(const std::vector<int>& rows,
                                    Value value) const {
  const auto n = static_cast<Eigen::Index>(rows.size());
  MetricModel::Data data{Eigen::MatrixXd(n, features_.size()),
                         Eigen::VectorXd(n), Eigen::VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    data.x.row(i) = records_[rows[i]].x;
    data.values[i] = value(rows[i]);
    data.multipliers[i] = values_.NoiseMultiplier(rows[i]);
  }
  return data;
}

MetricModel::Data Surrogate::ObjectiveData(const std::vector<int>& rows,
                                           int k) const {
  MetricModel::Data data =
      DataOf(rows, [this, k](int i) { return values_.Value(i, k); });
  data.derivatives = DerivativesOf(rows, k);
  return data;
}

// Trials may be compared at another step than where the gradient was taken.
std::vector<MetricModel::KnownDerivative> Surrogate::DerivativesOf(
    const std::vector<int>& rows, int k) const {
  std::vector<MetricModel::KnownDerivative> derivatives;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (!values_.IsKnown(rows[r])) continue;
    const double value = values_.Value(rows[r], k);
    const std::vector<Slope>& slopes = records_[rows[r]].slopes[k];
    const auto slope =
        std::find_if(slopes.begin(), slopes.end(),
                     [value](const Slope& one) { return one.value == value; });
    if (slope == slopes.end()) continue;
    derivatives.push_back({static_cast<int>(r), slope->along});
  }
  return derivatives;
}

MetricModel::Data Surrogate::BoundData(int k) const {
  std::vector<int> known;
  for (const int i : rows_) {
    if (std::isfinite(VerdictOf(i).violations[k])) known.push_back(i);
  }
  return DataOf(known, [this, k](int i) { return VerdictOf(i).violations[k]; });
}

MetricModel::Data Surrogate::SuccessData() const {
  return DataOf(rows_,
                [this](int i) { return values_.HasFailed(i) ? -1.0 : 1.0; });
}

// Whole panels are added at once, twice as fast as row by row behind 500 rows;
// the rest row by row, since one more comes with each proposal. Bits depend on
// how a row was added, and this on its place alone.
void Surrogate::SetPending(const std::vector<std::vector<double>>& points) {
  std::vector<Eigen::VectorXd> rows;
  for (const auto& point : points) rows.push_back(features_.Embed(point));
  const auto [differs, unused] =
      std::mismatch(rows.begin(), rows.end(), pending_.begin(), pending_.end());
  const auto count = static_cast<int>(rows.size());
  const int in_panels = WholePanels(count);
  int same = static_cast<int>(differs - rows.begin());
  const int were_in_panels = WholePanels(static_cast<int>(pending_.size()));
  if (in_panels != were_in_panels || same < in_panels) {
    same = std::min({WholePanels(same), in_panels, were_in_panels});
  }
  for (MetricModel& model : objectives_) {
    model.process().TruncatePending(same);
    for (int i = same; i < count;) {
      const int together = i < in_panels ? kPanel : 1;
      Eigen::MatrixXd block(together, features_.size());
      for (int j = 0; j < together; ++j) block.row(j) = rows[i + j];
      model.process().AppendPending(block);
      i += together;
    }
  }
  pending_ = std::move(rows);
}

std::vector<const GaussianProcess*> Surrogate::processes() const {
  std::vector<const GaussianProcess*> all;
  for (const MetricModel& model : objectives_) all.push_back(&model.process());
  for (const MetricModel& model : bounds_) {
    if (model.exists()) all.push_back(&model.process());
  }
  if (success_.exists()) all.push_back(&success_.process());
  return all;
}

std::vector<Requirement> Surrogate::requirements() const {
  std::vector<Requirement> all;
  for (const MetricModel& model : bounds_) {
    if (model.exists()) all.push_back(Requirement::kBound);
  }
  if (success_.exists()) all.push_back(Requirement::kSuccess);
  return all;
}

Surrogate::Row Surrogate::row(int i) const {
  const Record& record = records_[rows_[i]];
  return {record.point, !values_.HasFailed(rows_[i]),
          VerdictOf(rows_[i]).feasible};
}

std::vector<int> Surrogate::BestRows(int count) const {
  Eigen::VectorXd targets = Eigen::VectorXd::Zero(rows());
  for (const MetricModel& model : objectives_) targets += model.process().y();
  std::vector<int> best;
  for (int i = 0; i < rows(); ++i) {
    if (row(i).succeeded) best.push_back(i);
  }
  std::stable_sort(best.begin(), best.end(),
                   [&](int a, int b) { return targets[a] > targets[b]; });
  if (static_cast<int>(best.size()) > count) best.resize(count);
  return best;
}

bool Surrogate::AnyFeasible() const {
  for (int i = 0; i < points(); ++i) {
    if (VerdictOf(i).feasible) return true;
  }
  return false;
}

}  // namespace assay
