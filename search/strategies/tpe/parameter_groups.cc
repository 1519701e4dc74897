#include "search/strategies/tpe/parameter_groups.h"

#include <map>
#include <utility>

#include "search/domain.h"

namespace assay {
namespace {

bool IsActiveWithParent(const SearchSpace& space, int i) {
  const Parameter& parent = space.parameters()[space.parent(i)];
  return static_cast<int64_t>(space.active_levels(i).size()) ==
         *Levels(parent.domain);
}

}  // namespace

std::vector<ParameterGroup> GroupParameters(const SearchSpace& space) {
  using Key = std::pair<int, std::vector<int64_t>>;
  std::vector<ParameterGroup> groups;
  std::map<Key, size_t> group_of_condition;
  std::vector<size_t> group_of(space.encoded_size());
  for (const int i : space.parents_first()) {
    const int parent = space.parent(i);
    const absl::Span<const int64_t> levels = space.active_levels(i);
    if (parent >= 0 && IsActiveWithParent(space, i)) {
      group_of[i] = group_of[parent];
    } else {
      const Key key{parent, {levels.begin(), levels.end()}};
      const auto [it, is_new] = group_of_condition.emplace(key, groups.size());
      if (is_new) groups.push_back({{}, key.first, key.second});
      group_of[i] = it->second;
    }
    groups[group_of[i]].parameters.push_back(i);
  }
  return groups;
}

}  // namespace assay
