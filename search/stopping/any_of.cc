#include "search/stopping/any_of.h"

namespace assay {

void AnyOf::ObserveReport(TrialId trial, int32_t attempt,
                          const Measurement& measurement) {
  for (const auto& rule : rules_) {
    rule->ObserveReport(trial, attempt, measurement);
  }
}

void AnyOf::ObserveEnd(const Trial& trial) {
  for (const auto& rule : rules_) rule->ObserveEnd(trial);
}

std::optional<std::string> AnyOf::ReasonToStop(TrialId trial) const {
  for (const auto& rule : rules_) {
    if (auto reason = rule->ReasonToStop(trial)) return reason;
  }
  return std::nullopt;
}

}  // namespace assay
