#include "search/gp/transfer_sources.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace assay {
namespace {

// Half of `count` the best by the first objective, the others evenly spread;
// all in their order.
std::vector<Observation> Chosen(std::vector<Observation> trials, size_t count) {
  if (trials.size() <= count) return trials;
  std::vector<size_t> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return trials[a].values[0] > trials[b].values[0];
  });
  const size_t best = count / 2, rest = count - best;
  std::sort(order.begin() + static_cast<int64_t>(best), order.end());
  std::vector<size_t> kept(order.begin(),
                           order.begin() + static_cast<int64_t>(best));
  const size_t others = trials.size() - best;
  for (size_t i = 0; i < rest; ++i) {
    kept.push_back(order[best + i * others / rest]);
  }
  std::sort(kept.begin(), kept.end());
  std::vector<Observation> selected;
  for (const size_t i : kept) selected.push_back(std::move(trials[i]));
  return selected;
}

}  // namespace

TransferSources::TransferSources(std::shared_ptr<const StudySpec> spec)
    : spec_(std::move(spec)), features_(spec_->space) {}

void TransferSources::Add(const EarlierStudy& study) {
  Source source{.name = study.name};
  for (const Trial& trial : study.trials) {
    Observation observation = ToObservation(trial, *spec_);
    if (observation.IsComplete()) {
      source.trials.push_back(std::move(observation));
    }
  }
  source.trials = Chosen(std::move(source.trials), kMaxRows);
  if (!source.trials.empty()) sources_.push_back(std::move(source));
}

void TransferSources::Fit() {
  for (Source& source : sources_) {
    if (source.objectives.empty()) Fit(source);
  }
}

void TransferSources::Fit(Source& source) {
  const auto n = static_cast<Eigen::Index>(source.trials.size());
  MetricModel::Data data{Eigen::MatrixXd(n, features_.size()),
                         Eigen::VectorXd(n), Eigen::VectorXd::Ones(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    data.x.row(i) = features_.Embed(source.trials[i].point);
  }
  for (size_t k = 0; k < Objectives(*spec_).size(); ++k) {
    for (Eigen::Index i = 0; i < n; ++i) {
      data.values[i] = source.trials[i].values[k];
    }
    source.objectives.push_back(std::make_unique<MetricModel>(
        MetricModel::Role::kObjective, features_, spec_->algorithm.bayesian,
        spec_->seed + k));
    source.objectives.back()->Fit(data, /*anchor=*/true);
  }
}

std::vector<const GaussianProcess*> TransferSources::processes(
    int objective) const {
  std::vector<const GaussianProcess*> all;
  for (int s = 0; s < size(); ++s) all.push_back(&process(s, objective));
  return all;
}

}  // namespace assay
