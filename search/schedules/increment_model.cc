#include "search/schedules/increment_model.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

namespace assay {
namespace {

constexpr double kDeviations = 1.8;

// The study's parameters and the step.
SearchSpace WithStep(const SearchSpace& space) {
  std::vector<Parameter> parameters(space.parameters().begin(),
                                    space.parameters().end());
  std::string name = "step";
  const auto is_taken = [&](const Parameter& p) { return p.name == name; };
  while (std::any_of(parameters.begin(), parameters.end(), is_taken)) {
    name += "_";
  }
  parameters.push_back({name, DoubleDomain{}, {}, {}});
  absl::StatusOr<SearchSpace> with = SearchSpace::Create(std::move(parameters));
  return with.ok() ? *std::move(with) : space;
}

}  // namespace

IncrementModel::IncrementModel(std::shared_ptr<const StudySpec> spec)
    : spec_(std::move(spec)), features_(WithStep(spec_->space)) {}

Eigen::VectorXd IncrementModel::Embed(const Point& point) const {
  std::vector<double> unit = spec_->space.Encode(point.parameters);
  if (features_.parameters() > spec_->space.encoded_size()) {
    unit.push_back(static_cast<double>(point.step) /
                   static_cast<double>(spec_->schedule.max_steps));
  }
  return features_.Embed(unit);
}

void IncrementModel::Learn(const Parameters& parameters, int64_t step,
                           double gain) {
  rows_.push_back(Embed({parameters, step}));
  gains_.push_back(gain);
}

// From nothing, so that it is a function of the gains alone.
MetricModel IncrementModel::Fitted() const {
  const size_t first =
      gains_.size() > kMostRows ? gains_.size() - kMostRows : 0;
  const auto n = static_cast<Eigen::Index>(gains_.size() - first);
  MetricModel::Data data{Eigen::MatrixXd(n, features_.size()),
                         Eigen::VectorXd(n), Eigen::VectorXd::Ones(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    data.x.row(i) = rows_[first + static_cast<size_t>(i)];
    data.values[i] = gains_[first + static_cast<size_t>(i)];
  }
  MetricModel model(MetricModel::Role::kObjective, features_,
                    spec_->algorithm.bayesian, spec_->seed);
  model.Fit(data, /*anchor=*/true);
  return model;
}

std::optional<size_t> IncrementModel::Best(
    const std::vector<Point>& candidates,
    const std::vector<Point>& running) const {
  assert(!candidates.empty());
  if (gains_.size() < kLeastRows) return std::nullopt;
  MetricModel model = Fitted();
  for (const Point& point : running) {
    model.process().AppendPending(Embed(point).transpose());
  }
  Eigen::MatrixXd x(candidates.size(), features_.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    x.row(static_cast<Eigen::Index>(i)) = Embed(candidates[i]);
  }
  const Posterior posterior = model.process().Predict(x);
  const Eigen::VectorXd hope =
      posterior.mean +
      kDeviations * posterior.variance_all.cwiseMax(0).cwiseSqrt();
  Eigen::Index best = 0;
  hope.maxCoeff(&best);
  return static_cast<size_t>(best);
}

}  // namespace assay
