#include "search/strategies/start_points.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/domain.h"

namespace assay {

StartPoints::StartPoints(std::shared_ptr<const StudySpec> spec)
    : spec_(std::move(spec)), sobol_(spec_->space.encoded_size(), spec_->seed) {
  for (const Parameter& parameter : spec_->space.parameters()) {
    has_defaults_ |= parameter.default_value.has_value();
    first_.push_back(parameter.default_value
                         ? ToUnit(parameter.domain, *parameter.default_value)
                         : 0.5);
  }
}

int64_t StartPoints::Count(const StudySpec& spec) {
  const int64_t slots = spec.budget.max_parallel.value_or(1);
  const int64_t wanted =
      std::max<int64_t>(std::min(spec.space.encoded_size() + 1, 10), slots);
  if (!spec.budget.max_trials) return wanted;
  return std::min(wanted, std::max<int64_t>(*spec.budget.max_trials / 3, 1));
}

std::vector<double> StartPoints::Point(int64_t index) const {
  return index == 0 ? first_ : sobol_.Point(index - 1);
}

std::string StartPoints::Why(int64_t index) const {
  if (index > 0) {
    return absl::StrCat("start: point ", index,
                        " of a scrambled Sobol sequence");
  }
  return has_defaults_ ? "start: the parameters' defaults"
                       : "start: the centre of the space";
}

}  // namespace assay
