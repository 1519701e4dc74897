// What a report and its decision cost a stopping rule, in CPU time: 1,000
// trials of 27 reports, trial after trial, each to its end whatever is said.
// The figures are the mean over all reports and the mean over those of the last
// 100 trials.

#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "search/factory.h"
#include "search/math/random.h"

namespace assay {
namespace {

constexpr int kTrials = 1000;
constexpr int64_t kSteps = 27;

struct Case {
  const char* name;
  RuleSpec rule;
  bool has_more_metrics = false;  // Two objectives and a bound.
};

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * time.tv_nsec;
}

StudySpec StudyOf(const Case& c) {
  StudySpec study;
  study.metrics = {{.name = "loss"}};
  if (c.has_more_metrics) {
    study.metrics.push_back({.name = "seconds"});
    study.metrics.push_back({.name = "size", .bound = 0.9});
  }
  study.stopping.rules = {c.rule};
  return study;
}

// Noisy power laws: each trial its own level, drop and power.
std::vector<std::vector<Measurement>> Curves() {
  Random random(1);
  std::vector<std::vector<Measurement>> curves(kTrials);
  for (auto& curve : curves) {
    const double level = random.Uniform(), drop = random.Uniform();
    const double power = 0.3 + random.Uniform(), size = random.Uniform();
    for (int64_t step = 1; step <= kSteps; ++step) {
      Measurement report{.step = step, .instance = step};
      const double t = static_cast<double>(step);
      report.metrics = {{"loss", level + drop * std::pow(t, -power) +
                                     0.01 * random.Uniform()},
                        {"seconds", 1 - level + 0.1 * random.Uniform()},
                        {"size", size}};
      curve.push_back(std::move(report));
    }
  }
  return curves;
}

void Run(const Case& c, const std::vector<std::vector<Measurement>>& curves) {
  const auto rule = *MakeEarlyStoppingRule(StudyOf(c));
  double all = 0, last = 0;
  int64_t reasons = 0;
  for (int i = 0; i < kTrials; ++i) {
    const double start = CpuSeconds();
    Trial trial{.id = {i + 1}, .number = i, .state = TrialState::kCompleted};
    for (const Measurement& report : curves[i]) {
      rule->ObserveReport(trial.id, 1, report);
      reasons += rule->ReasonToStop(trial.id).has_value();
    }
    trial.final_metrics = curves[i].back().metrics;
    rule->ObserveEnd(trial);
    const double seconds = CpuSeconds() - start;
    all += seconds;
    if (i >= kTrials - 100) last += seconds;
  }
  const double reports = static_cast<double>(kSteps);
  std::printf("%-22s %8.2f us %8.2f us   %5.1f %% of reports with a reason\n",
              c.name, 1e6 * all / (kTrials * reports),
              1e6 * last / (100 * reports),
              100.0 * static_cast<double>(reasons) / (kTrials * reports));
}

}  // namespace
}  // namespace assay

int main() {
  using assay::Case;
  const Case cases[] = {
      {"asha", {.name = "asha", .max_steps = 27}},
      {"asha, 2 objectives", {.name = "asha", .max_steps = 27}, true},
      {"curve", {.name = "curve", .max_steps = 81}},
      {"median", {.name = "median"}},
      {"median, 2 objectives", {.name = "median"}, true},
      {"patience", {.name = "patience"}},
      {"percentile", {.name = "percentile"}},
      {"threshold", {.name = "threshold", .best_factor = 2}},
      {"wilcoxon", {.name = "wilcoxon"}},
  };
  const auto curves = assay::Curves();
  std::printf("%-22s %11s %11s\n", "a report", "mean", "at the end");
  for (const Case& c : cases) assay::Run(c, curves);
}
