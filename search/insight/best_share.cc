#include "search/insight/best_share.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

namespace assay {
namespace {

constexpr int kMostGroups = 16;

// Those within the best share.
std::vector<int> BestOf(const Eigen::VectorXd& values, double share) {
  std::vector<double> falling(values.begin(), values.end());
  const auto last =
      std::max<int64_t>(1, std::llround(share * double(falling.size()))) - 1;
  std::nth_element(falling.begin(), falling.begin() + last, falling.end(),
                   std::greater<>());
  std::vector<int> best;
  for (int i = 0; i < values.size(); ++i) {
    if (values[i] >= falling[last]) best.push_back(i);
  }
  return best;
}

// Of numbers by rising order, from 0: one for each value, or of equal size.
std::vector<int> GroupsOfNumbers(const std::vector<double>& u) {
  std::vector<double> values = u;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<int> order(u.size()), groups(u.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return u[a] < u[b]; });
  const bool few = values.size() <= kMostGroups;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t value =
        std::lower_bound(values.begin(), values.end(), u[order[i]]) -
        values.begin();
    groups[order[i]] =
        static_cast<int>(few ? value : i * kMostGroups / order.size());
  }
  return groups;
}

// Those of NaN, if any, come first.
std::vector<int> GroupsOf(const std::vector<double>& u) {
  std::vector<double> active;
  for (const double value : u) {
    if (!std::isnan(value)) active.push_back(value);
  }
  const std::vector<int> of_active = GroupsOfNumbers(active);
  const int first = active.size() < u.size() ? 1 : 0;
  std::vector<int> groups;
  size_t next = 0;
  for (const double value : u) {
    groups.push_back(std::isnan(value) ? 0 : first + of_active[next++]);
  }
  return groups;
}

// (groups - 1) degrees of freedom between them, n - groups within.
double EpsilonSquared(const std::vector<int>& groups,
                      const Eigen::VectorXd& values) {
  const int count = *std::max_element(groups.begin(), groups.end()) + 1;
  const auto n = static_cast<int>(groups.size());
  Eigen::VectorXd sums = Eigen::VectorXd::Zero(count), sizes = sums;
  const Eigen::VectorXd centred = values.array() - values.mean();
  for (int i = 0; i < n; ++i) {
    sums[groups[i]] += centred[i];
    sizes[groups[i]] += 1;
  }
  const double total = centred.squaredNorm();
  if (!(total > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (count == 1 || count == n) return 0;
  const double between = (sums.array().square() / sizes.array().max(1)).sum();
  const double within = (total - between) / (n - count);
  return std::max(0.0, (between - (count - 1) * within) / total);
}

}  // namespace

Eigen::VectorXd SharesWithinBest(const Eigen::MatrixXd& points,
                                 const Eigen::VectorXd& values, double share) {
  const std::vector<int> best = BestOf(values, share);
  Eigen::VectorXd kept(best.size());
  for (size_t k = 0; k < best.size(); ++k) {
    kept[static_cast<Eigen::Index>(k)] = values[best[k]];
  }
  Eigen::VectorXd shares(points.cols());
  for (Eigen::Index i = 0; i < points.cols(); ++i) {
    std::vector<double> u;
    for (const int row : best) u.push_back(points(row, i));
    shares[i] = EpsilonSquared(GroupsOf(u), kept);
  }
  return shares;
}

}  // namespace assay
