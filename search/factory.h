#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "search/early_stopping_rule.h"
#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// The names that MakeSearchStrategy() knows, sorted.
std::vector<std::string> SearchStrategyNames();

// InvalidArgument naming those that are there if `spec.algorithm.name` is not,
// or if the algorithm cannot search this space. REQUIRES: !spec.space.empty().
absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeSearchStrategy(
    const StudySpec& spec);

// The names that a RuleSpec may have, sorted.
std::vector<std::string> EarlyStoppingRuleNames();

// nullptr if the study has no rule; AnyOf them if it has several.
// InvalidArgument as above, or naming an option.
absl::StatusOr<std::unique_ptr<EarlyStoppingRule>> MakeEarlyStoppingRule(
    const StudySpec& spec);

}  // namespace assay
