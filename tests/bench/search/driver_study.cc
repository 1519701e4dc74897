#include "tests/bench/search/driver_study.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/factory.h"

namespace assay {
namespace {

int64_t CpuNanos() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

// Adds the CPU time of its life to `nanos`, which must outlive it.
class CpuTimer {
 public:
  explicit CpuTimer(int64_t& nanos) : nanos_(nanos), start_(CpuNanos()) {}
  ~CpuTimer() { nanos_ += CpuNanos() - start_; }
  CpuTimer(const CpuTimer&) = delete;
  CpuTimer& operator=(const CpuTimer&) = delete;

 private:
  int64_t& nanos_;
  const int64_t start_;
};

}  // namespace

DriverStudy::DriverStudy(StudySpec spec,
                         std::unique_ptr<SearchStrategy> strategy,
                         std::unique_ptr<EarlyStoppingRule> rule)
    : spec_(std::move(spec)),
      strategy_(std::move(strategy)),
      rule_(std::move(rule)) {}

absl::StatusOr<DriverStudy> DriverStudy::Create(
    StudySpec spec, const std::vector<EarlierStudy>& earlier) {
  int64_t nanos = 0;
  std::unique_ptr<SearchStrategy> strategy;
  std::unique_ptr<EarlyStoppingRule> rule;
  {
    CpuTimer timer(nanos);
    ASSAY_ASSIGN_OR_RETURN(rule, MakeEarlyStoppingRule(spec));
    ASSAY_ASSIGN_OR_RETURN(strategy, MakeSearchStrategy(spec));
    for (const EarlierStudy& study : earlier) strategy->ObserveEarlier(study);
  }
  DriverStudy study(std::move(spec), std::move(strategy), std::move(rule));
  study.cpu_nanos_ = nanos;
  return study;
}

absl::StatusOr<std::vector<Trial>> DriverStudy::Suggest(int count) {
  std::vector<Trial> trials;
  for (const auto& [number, running] : running_) {
    trials.push_back(running.trial);
  }
  // As SearchRunner::Propose().
  Random random(spec_.seed, (static_cast<uint64_t>(finished_.size()) << 24) +
                                trials.size());
  absl::StatusOr<std::vector<Proposal>> proposals;
  {
    CpuTimer timer(cpu_nanos_);
    proposals = strategy_->Suggest(trials, count, random);
  }
  ASSAY_RETURN_IF_ERROR(proposals.status());
  trials.clear();
  for (const Proposal& proposal : *proposals) {
    Trial trial = NewTrial(proposal);
    trial.origin.batch_index = static_cast<int32_t>(trials.size());
    running_[trial.number].trial = trial;
    trials.push_back(std::move(trial));
  }
  return trials;
}

Trial DriverStudy::NewTrial(const Proposal& proposal) {
  Trial trial = AsTrial(proposal);
  trial.number = created_++;
  trial.id = TrialId{trial.number + 1};
  trial.study = StudyId{1};
  trial.state = TrialState::kRunning;
  trial.attempts = 1;
  trial.created_revision = trial.revision = ++revision_;
  return trial;
}

absl::Status DriverStudy::Add(Parameters parameters, Metrics final_metrics) {
  Proposal proposal;
  ASSAY_ASSIGN_OR_RETURN(proposal.parameters,
                         spec_.space.Canonical(parameters));
  proposal.origin.strategy = "import";
  Trial trial = NewTrial(proposal);
  trial.final_metrics = std::move(final_metrics);
  Observe(std::move(trial), TrialState::kCompleted, {});
  return absl::OkStatus();
}

void DriverStudy::Observe(Trial trial, TrialState state,
                          const std::vector<Measurement>& curve) {
  trial.state = state;
  trial.failed_attempts = state == TrialState::kFailed ? 1 : 0;
  trial.ended_revision = trial.revision = ++revision_;
  finished_.push_back(std::move(trial));
  CpuTimer timer(cpu_nanos_);
  if (rule_ != nullptr) rule_->ObserveEnd(finished_.back());
  if (strategy_->WantsReports()) {
    for (const Measurement& measurement : curve) {
      strategy_->ObserveReport(finished_.back(), measurement);
    }
  }
  strategy_->Observe(finished_.back());
}

absl::StatusOr<DriverStudy::Running*> DriverStudy::Find(int64_t number) {
  const auto found = running_.find(number);
  if (found != running_.end()) return &found->second;
  return absl::NotFoundError(absl::StrCat("trial ", number, " is not running"));
}

absl::StatusOr<std::optional<std::string>> DriverStudy::Report(
    int64_t number, int64_t step, Metrics metrics) {
  ASSAY_ASSIGN_OR_RETURN(Running * running, Find(number));
  Measurement measurement;
  measurement.sequence = static_cast<int64_t>(running->curve.size()) + 1;
  measurement.step = step;
  measurement.metrics = std::move(metrics);
  measurement.revision = running->trial.revision = ++revision_;
  running->trial.last_step = std::max(running->trial.last_step, step);
  running->curve.push_back(measurement);
  if (rule_ == nullptr) return std::nullopt;
  CpuTimer timer(cpu_nanos_);
  const TrialId trial = running->trial.id;
  rule_->ObserveReport(trial, running->trial.attempts, measurement);
  return rule_->ReasonToStop(trial);
}

Metrics DriverStudy::Values(const Running& running,
                            const Metrics& given) const {
  Metrics values = given;
  for (const MetricSpec& metric : spec_.metrics) {
    const auto value = MetricValue(metric, given, running.curve);
    if (value) values[metric.name] = *value;
  }
  return values;
}

absl::Status DriverStudy::End(int64_t number, TrialState state,
                              Metrics final_metrics) {
  ASSAY_ASSIGN_OR_RETURN(Running * running, Find(number));
  Trial trial = running->trial;
  trial.final_metrics = Values(*running, final_metrics);
  const std::vector<Measurement> curve = std::move(running->curve);
  running_.erase(number);
  Observe(std::move(trial), state, curve);
  return absl::OkStatus();
}

absl::StatusOr<StudyModel> DriverStudy::Model(const std::string& metric) const {
  ASSAY_ASSIGN_OR_RETURN(const int index, FindMetric(spec_, metric));
  return StudyModel::Fit(std::make_shared<const StudySpec>(spec_), index,
                         finished_);
}

int64_t DriverStudy::TakeCpuMicros() {
  return std::exchange(cpu_nanos_, 0) / 1000;
}

}  // namespace assay
