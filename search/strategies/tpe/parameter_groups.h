#pragma once

#include <cstdint>
#include <vector>

#include "search/search_space.h"

namespace assay {

// Parameters that are active together always: those without a condition, or
// those with one condition in common.
struct ParameterGroup {
  std::vector<int> parameters;  // Indices in SearchSpace::parameters().
  int parent = -1;              // Its parameter; -1: active always.
  std::vector<int64_t> levels;  // Sorted: of the parent, where it is active.
};

// Every parameter is in one group; the parent's group comes before. A
// parameter active at each level of its parent is in the parent's group.
std::vector<ParameterGroup> GroupParameters(const SearchSpace& space);

}  // namespace assay
