#include "search/trial_fields.h"

namespace assay {

TrialFields::TrialFields(const Trial& trial) : trial_(trial) {
  own_ = {{"id", trial.id.value},
          {"number", trial.number},
          {"state", ToText(trial.state)},
          {"attempts", int64_t{trial.attempts}},
          {"last_step", trial.last_step},
          {"strategy", trial.origin.strategy},
          {"replicate", int64_t{trial.replicate}}};
  for (const auto& [name, value] : trial.final_metrics) metrics_[name] = value;
}

const ParameterValue* TrialFields::Find(const std::string& name) const {
  for (const Parameters* fields : {&own_, &trial_.parameters, &metrics_}) {
    const auto it = fields->find(name);
    if (it != fields->end()) return &it->second;
  }
  return nullptr;
}

bool TrialFields::IsOwn(const std::string& name) {
  return TrialFields(Trial()).own_.contains(name);
}

bool Passes(const Expression& filter, const Trial& trial) {
  const TrialFields fields(trial);
  return filter.Evaluate(
      [&](const std::string& name) { return fields.Find(name); },
      Expression::Missing::kFalse);
}

}  // namespace assay
