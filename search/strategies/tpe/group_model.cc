#include "search/strategies/tpe/group_model.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace assay {
namespace {

constexpr double kEvenBranch = 0.1;

std::vector<Axis> AxesOf(const SearchSpace& space,
                         const ParameterGroup& group) {
  std::vector<Axis> axes;
  for (const int i : group.parameters) {
    axes.emplace_back(space.parameters()[i].domain);
  }
  return axes;
}

std::vector<PriorDensity> PriorsOf(const SearchSpace& space,
                                   const ParameterGroup& group) {
  std::vector<PriorDensity> priors;
  for (const int i : group.parameters) {
    priors.emplace_back(space.parameters()[i]);
  }
  return priors;
}

// Those of `a` that are not in `b`; both sorted.
std::vector<int> Without(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<int> difference;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(),
                      std::back_inserter(difference));
  return difference;
}

bool IsIn(const ParameterGroup& group, int parameter) {
  const std::vector<int>& in = group.parameters;
  return std::find(in.begin(), in.end(), parameter) != in.end();
}

std::vector<int> ForksOf(const SearchSpace& space,
                         const ParameterGroup& group) {
  std::vector<int> forks;
  for (size_t j = 0; j < group.parameters.size(); ++j) {
    const auto children = space.children(group.parameters[j]);
    const bool forks_here =
        std::any_of(children.begin(), children.end(),
                    [&](int child) { return !IsIn(group, child); });
    if (forks_here) forks.push_back(static_cast<int>(j));
  }
  return forks;
}

bool HaveLevels(const std::vector<Axis>& axes) {
  return std::all_of(axes.begin(), axes.end(),
                     [](const Axis& axis) { return axis.levels() > 0; });
}

}  // namespace

GroupModel::GroupModel(const SearchSpace& space, ParameterGroup group,
                       bool is_all)
    : group_(std::move(group)),
      axes_(AxesOf(space, group_)),
      priors_(PriorsOf(space, group_)),
      forks_(ForksOf(space, group_)),
      can_repeat_(is_all && HaveLevels(axes_)),
      good_{{}, ParzenMixture(axes_, ParzenMixture::Bandwidth::kGaps, priors_)},
      rest_{{}, ParzenMixture(axes_, ParzenMixture::Bandwidth::kShared)} {}

void GroupModel::Learn(const Observation& observation) {
  if (!IsActive(observation.point)) return;
  if (observation.id) order_of_[observation.id.value] = split_.size();
  split_.Add(observation);
  points_.push_back(Part(observation.point));
  if (can_repeat_) ++count_[points_.back()];
}

void GroupModel::LearnLonger(const Observation& observation) {
  const auto known = order_of_.find(observation.id.value);
  if (known == order_of_.end()) return;
  split_.Replace(known->second, observation);
  longer_ = true;
}

bool GroupModel::IsActive(absl::Span<const double> point) const {
  return !std::isnan(point[group_.parameters[0]]);
}

std::vector<double> GroupModel::Part(absl::Span<const double> point) const {
  std::vector<double> part;
  for (const int i : group_.parameters) part.push_back(point[i]);
  return part;
}

// What changes is what Learn() brought: a later call finds nothing to do.
void GroupModel::Update() {
  if (updated_ == split_.size() && !longer_) return;
  longer_ = false;
  for (; updated_ < split_.size(); ++updated_) Add(rest_, updated_);
  const std::vector<int> before = good_.orders;
  const std::vector<int> now = split_.Good();
  for (const int order : Without(before, now)) {
    Remove(good_, order);
    Add(rest_, order);
  }
  for (const int order : Without(now, before)) {
    Remove(rest_, order);
    Add(good_, order);
  }
  if (now != before) good_.mixture.Settle();
}

void GroupModel::Add(Side& side, int order) {
  const auto at =
      std::lower_bound(side.orders.begin(), side.orders.end(), order);
  side.mixture.Insert(static_cast<int>(at - side.orders.begin()),
                      points_[order]);
  side.orders.insert(at, order);
}

void GroupModel::Remove(Side& side, int order) {
  const auto at =
      std::lower_bound(side.orders.begin(), side.orders.end(), order);
  side.mixture.Erase(static_cast<int>(at - side.orders.begin()));
  side.orders.erase(at);
}

void GroupModel::Propose(absl::Span<const std::vector<double>> pending,
                         int candidates, Random& random,
                         std::vector<double>& point) {
  Update();
  ParzenMixture& rest = rest_.mixture;
  const int finished = rest.size();
  for (const std::vector<double>& other : pending) {
    if (IsActive(other)) rest.Insert(rest.size(), Part(other));
    if (can_repeat_) ++count_[Part(other)];
  }
  rest.Settle();
  const std::vector<double> best = BestOf(candidates, random);
  while (rest.size() > finished) rest.Erase(rest.size() - 1);
  for (const std::vector<double>& other : pending) {
    if (can_repeat_) --count_[Part(other)];
  }
  for (size_t j = 0; j < best.size(); ++j) {
    point[group_.parameters[j]] = best[j];
  }
}

std::vector<double> GroupModel::BestOf(int candidates, Random& random) const {
  const std::vector<double> branch = DrawBranch(random);
  std::vector<double> best;
  double highest = -std::numeric_limits<double>::infinity();
  for (int i = 0; i < candidates; ++i) {
    std::vector<double> candidate = DrawNew(random);
    for (const int j : forks_) candidate[j] = branch[j];
    const double score = good_.mixture.LogDensity(candidate) -
                         rest_.mixture.LogDensity(candidate);
    if (!best.empty() && score <= highest) continue;
    highest = score;
    best = std::move(candidate);
  }
  return best;
}

// l / g would name the branch that leads so far again and again, and the others
// would never be as well searched: a draw gives each its share.
std::vector<double> GroupModel::DrawBranch(Random& random) const {
  if (forks_.empty()) return {};
  std::vector<double> branch = good_.mixture.Draw(random);
  if (random.Uniform() >= kEvenBranch) return branch;
  for (const int j : forks_) branch[j] = axes_[j].Snap(random.Uniform());
  return branch;
}

std::vector<double> GroupModel::DrawNew(Random& random) const {
  std::vector<double> point = good_.mixture.Draw(random);
  for (int draw = 1; can_repeat_ && draw < kDraws; ++draw) {
    const auto known = count_.find(point);
    if (known == count_.end() || known->second == 0) break;
    point = good_.mixture.Draw(random);
  }
  return point;
}

}  // namespace assay
