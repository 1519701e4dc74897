#include "search/insight/model_quality.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "search/math/normal.h"

namespace assay {
namespace {

// From 0; equal values have the mean of their ranks.
Eigen::VectorXd RanksOf(const std::vector<double>& values) {
  const auto n = static_cast<int>(values.size());
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return values[a] < values[b]; });
  Eigen::VectorXd ranks(n);
  for (int begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && values[order[end]] == values[order[begin]]) ++end;
    for (int i = begin; i < end; ++i) {
      ranks[order[i]] = 0.5 * (begin + end - 1);
    }
  }
  return ranks;
}

double Correlation(const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  const Eigen::VectorXd x = a.array() - a.mean();
  const Eigen::VectorXd y = b.array() - b.mean();
  const double norms = x.norm() * y.norm();
  return norms > 0 ? x.dot(y) / norms : 0;
}

double RankCorrelation(const std::vector<LeftOutTrial>& trials) {
  std::vector<double> observed, predicted;
  for (const LeftOutTrial& trial : trials) {
    observed.push_back(trial.observed);
    predicted.push_back(trial.predicted.median);
  }
  return Correlation(RanksOf(observed), RanksOf(predicted));
}

Coverage CoverageOf(const StudyModel& model,
                    const std::vector<Widths>& widths) {
  Coverage coverage;
  const auto n = static_cast<double>(widths.size());
  for (size_t i = 0; i < widths.size(); ++i) {
    const double error = std::abs(model.left_out()[i].error);
    if (error <= widths[i].half) coverage.half += 1 / n;
    if (error <= widths[i].most) coverage.most += 1 / n;
  }
  return coverage;
}

}  // namespace

ModelQuality AssessQuality(const StudyModel& model) {
  ModelQuality quality{.r_squared = model.r_squared()};
  std::vector<Widths> widths;
  for (size_t i = 0; i < model.rows().size(); ++i) {
    const StudyModel::Row& row = model.rows()[i];
    const LeftOutRow& said = model.left_out()[i];
    const int index = static_cast<int>(i);
    widths.push_back({model.calibration().WidthWithout(index, 0.5),
                      model.calibration().WidthWithout(index, 0.9)});
    quality.log_score +=
        said.log_score / static_cast<double>(model.rows().size());
    quality.trials.push_back(
        {.number = row.number,
         .count = row.count,
         .observed = row.value,
         .predicted =
             ToPrediction(model.unit_of(said), said.belief, widths.back())});
  }
  quality.rank_correlation = RankCorrelation(quality.trials);
  quality.coverage = CoverageOf(model, widths);
  quality.uncalibrated = CoverageOf(
      model, std::vector<Widths>(widths.size(),
                                 {NormalQuantile(0.75), NormalQuantile(0.95)}));
  return quality;
}

}  // namespace assay
