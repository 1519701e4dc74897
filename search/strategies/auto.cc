#include "search/strategies/auto.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/domain.h"
#include "search/strategies/bayesian.h"
#include "search/strategies/tpe.h"

namespace assay {
namespace {

int64_t Capped(int64_t a, int64_t b, int64_t limit) {
  return a > limit / std::max<int64_t>(b, 1) ? limit : a * b;
}

int64_t Branches(const SearchSpace& space, int parameter, int64_t limit);

// Of everything below a parameter at one of its levels.
int64_t BranchesOf(const SearchSpace& space, const std::vector<int>& children,
                   int64_t limit) {
  int64_t product = 1;
  for (const int child : children) {
    product = Capped(product, Branches(space, child, limit), limit);
  }
  return product;
}

// Levels that activate the same children are one branch.
int64_t Branches(const SearchSpace& space, int parameter, int64_t limit) {
  std::map<int64_t, std::vector<int>> children_at;
  for (const int child : space.children(parameter)) {
    for (const int64_t level : space.active_levels(child)) {
      children_at[level].push_back(child);
    }
  }
  std::vector<std::vector<int>> sets;
  for (auto& [level, children] : children_at) {
    sets.push_back(std::move(children));
  }
  const int64_t levels =
      Levels(space.parameters()[parameter].domain).value_or(limit);
  if (levels > static_cast<int64_t>(sets.size())) sets.emplace_back();
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  int64_t sum = 0;
  for (const std::vector<int>& children : sets) {
    sum = std::min(limit, sum + BranchesOf(space, children, limit));
  }
  return sum;
}

int64_t MostCategories(const SearchSpace& space) {
  int64_t most = 0;
  for (const Parameter& parameter : space.parameters()) {
    const auto* domain = std::get_if<CategoricalDomain>(&parameter.domain);
    if (domain == nullptr) continue;
    most = std::max(most, static_cast<int64_t>(domain->values.size()));
  }
  return most;
}

std::string WhyUnfit(const SearchSpace& space) {
  if (space.encoded_size() > AutoStrategy::kMaxParameters) {
    return absl::StrCat(space.encoded_size(), " parameters");
  }
  if (MostCategories(space) > AutoStrategy::kMaxCategories) {
    return absl::StrCat("a categorical of ", MostCategories(space), " values");
  }
  if (CountBranches(space, AutoStrategy::kMaxBranches + 1) >
      AutoStrategy::kMaxBranches) {
    return absl::StrCat("more than ", AutoStrategy::kMaxBranches, " branches");
  }
  return "";
}

}  // namespace

int64_t CountBranches(const SearchSpace& space, int64_t limit) {
  return BranchesOf(space, {space.roots().begin(), space.roots().end()}, limit);
}

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeAuto(
    std::shared_ptr<const StudySpec> spec) {
  ASSAY_ASSIGN_OR_RETURN(std::unique_ptr<SearchStrategy> tpe, MakeTpe(spec));
  return std::make_unique<AutoStrategy>(spec, MakeBayesian(spec),
                                        std::move(tpe));
}

AutoStrategy::AutoStrategy(std::shared_ptr<const StudySpec> spec,
                           std::unique_ptr<SearchStrategy> bayesian,
                           std::unique_ptr<SearchStrategy> tpe)
    : spec_(std::move(spec)),
      unfit_(WhyUnfit(spec_->space)),
      bayesian_(unfit_.empty() ? std::move(bayesian) : nullptr),
      tpe_(std::move(tpe)) {}

void AutoStrategy::Count(int64_t trials) {
  observed_ += trials;
  if (observed_ > kMaxTrials) bayesian_ = nullptr;
}

void AutoStrategy::ObserveEarlier(const EarlierStudy& study) {
  if (study.trust == Trust::kSame) {
    Count(static_cast<int64_t>(study.trials.size()));
  }
  if (bayesian_) bayesian_->ObserveEarlier(study);
  tpe_->ObserveEarlier(study);
}

void AutoStrategy::ObserveMean(const Trial& mean, int runs) {
  Count(1);
  if (bayesian_) bayesian_->ObserveMean(mean, runs);
  tpe_->ObserveMean(mean, runs);
}

void AutoStrategy::ObserveLonger(const Trial& configuration) {
  if (bayesian_) bayesian_->ObserveLonger(configuration);
  tpe_->ObserveLonger(configuration);
}

bool AutoStrategy::WantsReports() const {
  return bayesian_ && bayesian_->WantsReports();
}

void AutoStrategy::ObserveReport(const Trial& trial,
                                 const Measurement& measurement) {
  if (bayesian_) bayesian_->ObserveReport(trial, measurement);
}

AutoStrategy::Choice AutoStrategy::Choose(size_t unfinished) const {
  if (!unfit_.empty()) return {tpe_.get(), unfit_};
  if (!bayesian_) return {tpe_.get(), absl::StrCat(observed_, " results")};
  if (unfinished <= kMaxUnfinished) return {bayesian_.get(), ""};
  return {tpe_.get(), absl::StrCat(unfinished, " unfinished trials")};
}

// One by one: what is unfinished grows with each.
absl::StatusOr<std::vector<Proposal>> AutoStrategy::Suggest(
    absl::Span<const Trial> unfinished, int count, Random& random) {
  std::vector<Trial> trials(unfinished.begin(), unfinished.end());
  std::vector<Proposal> proposals;
  while (static_cast<int>(proposals.size()) < count) {
    const Choice choice = Choose(trials.size());
    auto next = choice.strategy->Suggest(trials, 1, random);
    if (!next.ok() && proposals.empty()) return next.status();
    if (!next.ok() || next->empty()) break;
    Proposal& proposal = (*next)[0];
    proposal.origin.why = absl::StrCat(
        "auto uses ", proposal.origin.strategy,
        choice.why.empty() ? "" : absl::StrCat(" (", choice.why, ")"), ": ",
        proposal.origin.why);
    trials.push_back(AsTrial(proposal));
    proposals.push_back(std::move(proposal));
  }
  return proposals;
}

}  // namespace assay
