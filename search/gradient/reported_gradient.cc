#include "search/gradient/reported_gradient.h"

#include <cmath>
#include <map>

namespace assay {
namespace {

using ByParameter = std::map<std::string, double>;

// Of each name that all have, the sum of f(value).
template <typename Function>
ByParameter SumOf(const std::vector<ByParameter>& all, Function f) {
  ByParameter sums;
  for (const auto& [name, unused] : all.front()) {
    double sum = 0;
    bool known = true;
    for (const ByParameter& one : all) {
      const auto value = one.find(name);
      known = known && value != one.end();
      if (known) sum += f(value->second);
    }
    if (known) sums[name] = sum;
  }
  return sums;
}

ByParameter DeviationsIn(const Measurement& report, const std::string& metric) {
  const auto deviations = report.gradient_deviations.find(metric);
  return deviations == report.gradient_deviations.end() ? ByParameter()
                                                        : deviations->second;
}

// A stopped one has no part in the mean of completed ones.
bool Counts(const Trial& trial, const Trial& mean) {
  return trial.state == TrialState::kCompleted || trial.state == mean.state;
}

}  // namespace

const Measurement* ReportedGradient(const Trial& trial,
                                    absl::Span<const Measurement> reports,
                                    const std::string& metric) {
  const auto value = trial.final_metrics.find(metric);
  if (value == trial.final_metrics.end()) return nullptr;
  for (auto it = reports.rbegin(); it != reports.rend(); ++it) {
    if (!it->gradients.contains(metric)) continue;
    const auto reported = it->metrics.find(metric);
    if (reported == it->metrics.end()) continue;
    if (reported->second == value->second) return &*it;
  }
  return nullptr;
}

Measurement MeanGradient(const Trial& mean, absl::Span<const Trial> trials,
                         const std::vector<std::vector<Measurement>>& reports,
                         const std::string& metric) {
  Measurement merged{.step = mean.last_step, .metrics = mean.final_metrics};
  std::vector<ByParameter> gradients, deviations;
  for (size_t i = 0; i < trials.size(); ++i) {
    if (!Counts(trials[i], mean)) continue;
    const Measurement* report = ReportedGradient(trials[i], reports[i], metric);
    if (report == nullptr) return merged;
    gradients.push_back(report->gradients.at(metric));
    deviations.push_back(DeviationsIn(*report, metric));
  }
  if (gradients.empty()) return merged;
  const auto n = static_cast<double>(gradients.size());
  for (auto& [name, sum] : SumOf(gradients, [](double x) { return x; })) {
    merged.gradients[metric][name] = sum / n;
  }
  for (auto& [name, sum] : SumOf(deviations, [](double x) { return x * x; })) {
    merged.gradient_deviations[metric][name] = std::sqrt(sum) / n;
  }
  return merged;
}

}  // namespace assay
