#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "search/base/clock.h"
#include "search/search_strategy.h"

namespace assay {

// A strategy, and how long each of its proposals takes.
class TimedStrategy final : public SearchStrategy {
 public:
  // Of one call of Suggest(), fits included.
  using Told = std::function<void(absl::Duration)>;

  // `clock` must outlive this.
  TimedStrategy(std::unique_ptr<SearchStrategy> strategy, const Clock& clock,
                Told told)
      : strategy_(std::move(strategy)), clock_(clock), told_(std::move(told)) {}

  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override {
    const absl::Duration begin = clock_.SinceBoot();
    auto proposals = strategy_->Suggest(unfinished, count, random);
    told_(clock_.SinceBoot() - begin);
    return proposals;
  }

  void ObserveEarlier(const EarlierStudy& study) override {
    strategy_->ObserveEarlier(study);
  }
  void Observe(const Trial& trial) override { strategy_->Observe(trial); }
  void ObserveMean(const Trial& mean, int runs) override {
    strategy_->ObserveMean(mean, runs);
  }
  void ObserveLonger(const Trial& configuration) override {
    strategy_->ObserveLonger(configuration);
  }
  bool WantsReports() const override { return strategy_->WantsReports(); }
  void ObserveReport(const Trial& trial,
                     const Measurement& measurement) override {
    strategy_->ObserveReport(trial, measurement);
  }
  bool Learns() const override { return strategy_->Learns(); }

 private:
  const std::unique_ptr<SearchStrategy> strategy_;
  const Clock& clock_;
  const Told told_;
};

}  // namespace assay
