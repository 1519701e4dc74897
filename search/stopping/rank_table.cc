#include "search/stopping/rank_table.h"

#include <algorithm>
#include <cmath>

namespace assay {
namespace {

bool HasOrder(const StepStanding& standing) {
  return standing.costs.size() == 1;
}

std::vector<double> RowOf(const StepStanding& standing) {
  std::vector<double> row = {standing.violation};
  row.insert(row.end(), standing.costs.begin(), standing.costs.end());
  return row;
}

// Of rows: the smaller violation, else Pareto domination of the costs.
bool Dominates(const double* a, const double* b, size_t width) {
  if (a[0] != b[0]) return a[0] < b[0];
  bool is_better = false;
  for (size_t i = 1; i < width; ++i) {
    if (a[i] > b[i]) return false;
    is_better |= a[i] < b[i];
  }
  return is_better;
}

double Between(double low, double high, double share) {
  if (low == high || share == 0) return low;
  return low * (1 - share) + high * share;
}

}  // namespace

void RankTable::Add(const StepStanding& standing) {
  if (HasOrder(standing)) {
    const Key key(standing.violation, standing.costs[0]);
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), key), key);
    return;
  }
  const std::vector<double> row = RowOf(standing);
  const size_t dominators = Dominators(row);
  width_ = row.size();
  for (size_t i = 0; i < dominators_.size(); ++i) {
    dominators_[i] += Dominates(row.data(), Row(i), width_);
  }
  numbers_.insert(numbers_.end(), row.begin(), row.end());
  dominators_.push_back(dominators);
}

void RankTable::Remove(const StepStanding& standing) {
  if (HasOrder(standing)) {
    const Key key(standing.violation, standing.costs[0]);
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), key));
    return;
  }
  const std::vector<double> row = RowOf(standing);
  size_t gone = 0;
  while (!std::equal(row.begin(), row.end(), Row(gone))) ++gone;
  const auto first =
      numbers_.begin() + static_cast<std::ptrdiff_t>(gone * width_);
  numbers_.erase(first, first + static_cast<std::ptrdiff_t>(width_));
  dominators_.erase(dominators_.begin() + static_cast<std::ptrdiff_t>(gone));
  for (size_t i = 0; i < dominators_.size(); ++i) {
    dominators_[i] -= Dominates(row.data(), Row(i), width_);
  }
}

size_t RankTable::Dominators(const std::vector<double>& row) const {
  size_t count = 0;
  for (size_t i = 0; i < dominators_.size(); ++i) {
    count += Dominates(Row(i), row.data(), width_);
  }
  return count;
}

size_t RankTable::Ahead(const StepStanding& standing) const {
  if (HasOrder(standing)) {
    const Key key(standing.violation, standing.costs[0]);
    return static_cast<size_t>(
        std::lower_bound(sorted_.begin(), sorted_.end(), key) -
        sorted_.begin());
  }
  const size_t dominators = Dominators(RowOf(standing));
  size_t ahead = 0;
  for (size_t i = 0; i < dominators_.size(); ++i) {
    const double violation = *Row(i);
    ahead += violation == standing.violation ? dominators_[i] < dominators
                                             : violation < standing.violation;
  }
  return ahead;
}

StepStanding RankTable::Quantile(double share) const {
  const double at = share * static_cast<double>(sorted_.size() - 1);
  const auto i = static_cast<size_t>(at);
  const Key& low = sorted_[i];
  const Key& high = sorted_[std::min(i + 1, sorted_.size() - 1)];
  const double beyond = at - static_cast<double>(i);
  return {Between(low.first, high.first, beyond),
          {Between(low.second, high.second, beyond)}};
}

bool RankTable::IsBehind(const StepStanding& standing, double share) const {
  if (HasOrder(standing)) {
    const StepStanding last = Quantile(share);
    return Key(standing.violation, standing.costs[0]) >
           Key(last.violation, last.costs[0]);
  }
  const double last = static_cast<double>(size() - 1);
  return static_cast<double>(Ahead(standing)) > std::ceil(share * last);
}

}  // namespace assay
