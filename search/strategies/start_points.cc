#include "search/strategies/start_points.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/domain.h"

namespace assay {
namespace {

constexpr char kWhyCentre[] = "start: the centre of the space";

std::string WhyFirst(const SearchSpace& space, const SpacePrior& prior) {
  const auto parameters = space.parameters();
  const bool has_defaults = std::any_of(
      parameters.begin(), parameters.end(), [](const Parameter& parameter) {
        return parameter.default_value.has_value();
      });
  if (has_defaults) return "start: the parameters' defaults";
  if (!prior.IsUniform()) return "start: where the priors are greatest";
  return kWhyCentre;
}

}  // namespace

StartPoints::StartPoints(std::shared_ptr<const StudySpec> spec)
    : spec_(std::move(spec)),
      prior_(spec_->space),
      sobol_(spec_->space.encoded_size(), spec_->seed),
      even_(spec_->space.encoded_size(), ~spec_->seed),
      why_first_(WhyFirst(spec_->space, prior_)) {
  for (int i = 0; i < spec_->space.encoded_size(); ++i) {
    const Parameter& parameter = spec_->space.parameters()[i];
    first_.push_back(parameter.default_value
                         ? ToUnit(parameter.domain, *parameter.default_value)
                         : prior_.of(i).Mode());
    centre_.push_back(parameter.default_value ? first_.back() : 0.5);
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
  if (index == 0) return first_;
  if (prior_.IsUniform()) return sobol_.Point(index - 1);
  if (index == 1) return centre_;
  if (!IsOfPriors(index)) return even_.Point(index / 2 - 1);
  return prior_.FromUniform(sobol_.Point(index / 2 - 1));
}

bool StartPoints::IsOfPriors(int64_t index) const {
  return !prior_.IsUniform() && index > 0 && index % 2 == 0;
}

std::string StartPoints::Why(int64_t index) const {
  if (index == 0) return why_first_;
  if (index == 1 && !prior_.IsUniform()) return kWhyCentre;
  return absl::StrCat("start: point ", index, " of a scrambled Sobol sequence",
                      IsOfPriors(index) ? ", of the priors" : "");
}

}  // namespace assay
