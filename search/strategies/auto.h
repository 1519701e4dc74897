#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Chooses and switches: `bayesian`, but `tpe`, whose cost is linear, where a
// Gaussian process does not fit:
//   - the space falls into more than kMaxBranches sets of active parameters,
//     has a categorical of more than kMaxCategories values, or more than
//     kMaxParameters parameters;
//   - more than kMaxTrials trials ended, those of SAME earlier studies too, or
//   kMaxUnfinished are unfinished.
// Each proposal says which and why: "auto uses tpe (2,001 results): ...".
class AutoStrategy final : public SearchStrategy {
 public:
  static constexpr int64_t kMaxBranches = 64;
  static constexpr int64_t kMaxCategories = 100;
  static constexpr int kMaxParameters = 100;
  static constexpr int64_t kMaxTrials = 2000;
  static constexpr size_t kMaxUnfinished = 64;

  // Each searches the space of `spec`.
  AutoStrategy(std::shared_ptr<const StudySpec> spec,
               std::unique_ptr<SearchStrategy> bayesian,
               std::unique_ptr<SearchStrategy> tpe);

  void ObserveEarlier(const EarlierStudy& study) override;
  void Observe(const Trial& trial) override { ObserveMean(trial, 1); }
  void ObserveMean(const Trial& mean, int runs) override;
  void ObserveLonger(const Trial& configuration) override;
  bool WantsReports() const override;
  void ObserveReport(const Trial& trial,
                     const Measurement& measurement) override;
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override;
  bool Learns() const override { return true; }

 private:
  struct Choice {
    SearchStrategy* strategy = nullptr;
    std::string why;
  };
  void Count(int64_t trials);
  Choice Choose(size_t unfinished) const;

  const std::shared_ptr<const StudySpec> spec_;
  const std::string unfit_;  // Why no Gaussian process fits the space, or "".
  std::unique_ptr<SearchStrategy> bayesian_;  // nullptr: not any more.
  const std::unique_ptr<SearchStrategy> tpe_;
  int64_t observed_ = 0;
};

// Of `bayesian` and `tpe`.
absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeAuto(
    std::shared_ptr<const StudySpec> spec);

// How many different sets of parameters are active at once, at most `limit`.
int64_t CountBranches(const SearchSpace& space, int64_t limit);

}  // namespace assay
