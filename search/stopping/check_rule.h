#pragma once

#include "absl/status/status.h"
#include "search/study.h"

namespace assay {

// InvalidArgument, naming the option, its value and what is allowed, if an
// option of the rule is out of range or the study has not its metric. Options
// that the rule does not look at have to be in range too. The name is not
// looked at.
absl::Status CheckRule(const StudySpec& study, const RuleSpec& rule);

}  // namespace assay
