#include "search/gp/transfer_portfolio.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_format.h"

namespace assay {
namespace {

constexpr size_t kBestOfEach = 10;  // Candidates of each source and objective.

// Feasible ones if there are any.
std::vector<const Observation*> Best(const std::vector<Observation>& trials,
                                     int objective) {
  std::vector<const Observation*> best;
  for (const Observation& trial : trials) {
    if (trial.IsFeasible()) best.push_back(&trial);
  }
  if (best.empty()) {
    for (const Observation& trial : trials) best.push_back(&trial);
  }
  std::stable_sort(best.begin(), best.end(),
                   [&](const Observation* a, const Observation* b) {
                     return a->values[objective] > b->values[objective];
                   });
  if (best.size() > kBestOfEach) best.resize(kBestOfEach);
  return best;
}

std::vector<const Observation*> Candidates(const TransferSources& sources,
                                           int objectives) {
  std::vector<const Observation*> candidates;
  std::set<std::string> seen;
  for (int s = 0; s < sources.size(); ++s) {
    for (int k = 0; k < objectives; ++k) {
      for (const Observation* trial : Best(sources.trials(s), k)) {
        if (seen.insert(Identity(trial->parameters)).second) {
          candidates.push_back(trial);
        }
      }
    }
  }
  return candidates;
}

// [candidates], of one source and objective.
Eigen::VectorXd Regrets(const GaussianProcess& process,
                        const Eigen::MatrixXd& x) {
  constexpr double kLeastRange = 1e-9;
  const Eigen::VectorXd own = process.Mean(process.x());
  std::vector<double> rising(own.begin(), own.end());
  std::sort(rising.begin(), rising.end());
  const double best = rising.back(), median = rising[rising.size() / 2];
  const double range = std::max(best - median, kLeastRange);
  return ((best - process.Mean(x).array()) / range).max(0.0);
}

}  // namespace

std::vector<TransferPortfolio::Point> TransferPortfolio::Make(
    const TransferSources& sources, int objectives, int count) {
  const auto candidates = Candidates(sources, objectives);
  Eigen::MatrixXd x(candidates.size(), sources.features().size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    x.row(static_cast<Eigen::Index>(i)) =
        sources.features().Embed(candidates[i]->point);
  }
  Eigen::MatrixXd regrets(x.rows(), sources.size() * objectives);
  for (int s = 0; s < sources.size(); ++s) {
    for (int k = 0; k < objectives; ++k) {
      regrets.col(s * objectives + k) = Regrets(sources.process(s, k), x);
    }
  }
  std::vector<Point> portfolio;
  Eigen::RowVectorXd reached = Eigen::RowVectorXd::Constant(
      regrets.cols(), std::numeric_limits<double>::infinity());
  std::vector<bool> used(candidates.size(), false);
  while (static_cast<int>(portfolio.size()) < count) {
    Eigen::Index best = -1;
    double least = std::numeric_limits<double>::infinity();
    for (Eigen::Index i = 0; i < regrets.rows(); ++i) {
      if (used[i]) continue;
      const double mean = regrets.row(i).cwiseMin(reached).mean();
      if (mean < least) least = mean, best = i;
    }
    if (best < 0) break;
    used[best] = true;
    reached = reached.cwiseMin(regrets.row(best));
    portfolio.push_back(
        {candidates[best]->point,
         absl::StrFormat("start: number %d of a portfolio of %d earlier "
                         "studies, expected regret %.2g of theirs",
                         portfolio.size() + 1, sources.size(), least)});
  }
  return portfolio;
}

}  // namespace assay
