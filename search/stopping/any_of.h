#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "search/early_stopping_rule.h"

namespace assay {

// A trial stops as soon as any of several rules says so. The reason is the
// first one's that has one, in their order.
class AnyOf final : public EarlyStoppingRule {
 public:
  explicit AnyOf(std::vector<std::unique_ptr<EarlyStoppingRule>> rules)
      : rules_(std::move(rules)) {}

  void ObserveReport(TrialId trial, int32_t attempt,
                     const Measurement& measurement) override;
  void ObserveEnd(const Trial& trial) override;
  std::optional<std::string> ReasonToStop(TrialId trial) const override;

 private:
  const std::vector<std::unique_ptr<EarlyStoppingRule>> rules_;
};

}  // namespace assay
