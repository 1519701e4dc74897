#include "search/mixed_radix.h"

#include <algorithm>
#include <cassert>
#include <map>

#include "search/domain.h"

namespace assay {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 62;

// nullopt above kMaxSize. REQUIRES: both in [1, kMaxSize].
std::optional<int64_t> Times(int64_t a, int64_t b) {
  if (a > kMaxSize / b) return std::nullopt;
  return a * b;
}

}  // namespace

MixedRadix::MixedRadix(const SearchSpace& space, int points_per_continuous)
    : space_(space),
      points_per_continuous_(points_per_continuous),
      digits_(space.parameters().size()) {
  const absl::Span<const int> order = space.parents_first();
  for (size_t i = order.size(); i > 0; --i) {
    if (!Count(order[i - 1])) return;
  }
  size_ = Product(space.roots());
}

std::optional<int64_t> MixedRadix::LevelsOf(int parameter) const {
  const auto levels = Levels(space_.parameters()[parameter].domain);
  if (levels) return levels;
  if (points_per_continuous_ > 0) return points_per_continuous_;
  return std::nullopt;
}

std::vector<MixedRadix::Branch> MixedRadix::BranchesOf(int parameter) const {
  std::map<int64_t, std::vector<int>> active;
  for (const int child : space_.children(parameter)) {
    for (const int64_t level : space_.active_levels(child)) {
      active[level].push_back(child);
    }
  }
  std::vector<Branch> branches;
  for (auto& [level, children] : active) {
    branches.push_back({level, 0, std::move(children)});
  }
  return branches;
}

std::optional<int64_t> MixedRadix::Product(
    absl::Span<const int> parameters) const {
  std::optional<int64_t> product = 1;
  for (const int parameter : parameters) {
    product = Times(*product, digits_[parameter].size);
    if (!product) return std::nullopt;
  }
  return product;
}

// Fills in the digit; false if it has no size. REQUIRES: its children have one.
bool MixedRadix::Count(int parameter) {
  Digit& digit = digits_[parameter];
  const std::optional<int64_t> levels = LevelsOf(parameter);
  if (!levels) return false;
  digit.levels = *levels;
  digit.branches = BranchesOf(parameter);
  digit.size = *levels;
  for (Branch& branch : digit.branches) {
    const std::optional<int64_t> size = Product(branch.children);
    if (!size || digit.size > kMaxSize - (*size - 1)) return false;
    branch.size = *size;
    digit.size += *size - 1;
  }
  return true;
}

Parameters MixedRadix::At(int64_t index) const {
  assert(size_ && index >= 0 && index < *size_);
  Parameters parameters;
  Assign(space_.roots(), index, parameters);
  return parameters;
}

MixedRadix::Place MixedRadix::Find(const Digit& digit, int64_t index) {
  int64_t next_level = 0;
  for (const Branch& branch : digit.branches) {
    const int64_t plain = branch.level - next_level;
    if (index < plain) break;
    index -= plain;
    if (index < branch.size) return {branch.level, index, &branch};
    index -= branch.size;
    next_level = branch.level + 1;
  }
  return {next_level + index, 0, nullptr};
}

ParameterValue MixedRadix::ValueAt(int parameter, int64_t level) const {
  const Domain& domain = space_.parameters()[parameter].domain;
  if (Levels(domain)) return LevelValue(domain, level);
  if (points_per_continuous_ == 1) return FromUnit(domain, 0.5);
  return FromUnit(domain,
                  static_cast<double>(level) / (points_per_continuous_ - 1));
}

void MixedRadix::Assign(absl::Span<const int> parameters, int64_t index,
                        Parameters& out) const {
  for (size_t i = parameters.size(); i > 0; --i) {
    const int parameter = parameters[i - 1];
    const Digit& digit = digits_[parameter];
    const Place place = Find(digit, index % digit.size);
    index /= digit.size;
    out.emplace(space_.parameters()[parameter].name,
                ValueAt(parameter, place.level));
    if (place.branch) Assign(place.branch->children, place.rest, out);
  }
}

}  // namespace assay
