#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "search/id.h"
#include "search/search_space.h"
#include "search/stopping_spec.h"
#include "search/trial.h"

namespace assay {

enum class Goal { kMinimize = 1, kMaximize = 2 };

// Which measurement is the value of a trial that ended without explicit ones.
enum class Select { kLast = 1, kBest = 2 };

struct MetricSpec {
  std::string name = {};
  Goal goal = Goal::kMinimize;
  Select select = Select::kLast;
  // Not an objective but a bound: >= (kMaximize) or <= (kMinimize) this.
  std::optional<double> bound = {};
};

// kActive <-> kPaused; both -> kCompleted. Raising the budget of a study that
// completed because it was spent makes it kActive again; a user's stop is
// final.
enum class StudyState { kActive = 1, kPaused = 2, kCompleted = 3 };

enum class CompletionReason {
  kNone = 0,
  kBudgetSpent = 1,
  kTargetReached = 2,
  kSpaceExhausted = 3,
  kStoppedByUser = 4,
  kTooManyFailures = 5,
};

// What may be spent. nullopt: no limit.
struct Budget {
  // Configurations started: trials without `continues` and of replicate 0,
  // INFEASIBLE ones aside, of which there may be MostInfeasible(). Re-queued
  // attempts are not new.
  std::optional<int64_t> max_trials = {};
  std::optional<int64_t> max_parallel = {};  // RUNNING trials.
  // Wall time since the first lease, PAUSED aside.
  std::optional<double> max_seconds = {};
  std::optional<int64_t> max_steps_total = {};      // Over all trials.
  std::optional<double> max_training_seconds = {};  // Over all attempts.
  std::optional<int64_t> max_failed = {};           // FAILED trials.
  // Of the first objective: reached, and done.
  std::optional<double> target = {};
};

// How "bayesian" works. The defaults are what it was measured with; the others
// are for comparisons.
struct BayesianOptions {
  // Of a metric's values, before they are modelled (search/gp). kAuto: of the
  // two others by the leave-one-out score.
  enum class Transform { kAuto, kStandardize, kHalfRankLog };
  // Which acquisition functions propose: the upper confidence bound within a
  // trust region, the logarithm of the expected improvement, or both in turn.
  // kAuto: the first for one objective, both for several.
  enum class Arms { kAuto, kConfidenceBound, kImprovement, kAlternate };
  // Of the kernel's parameters (search/gp/map_fit.h).
  enum class Prior { kAuto, kGamma, kDimensionScaled, kLogSquared };
  // What points that wait for a result change beside the model's variance:
  // kExplore: some proposals explore instead (UCB-PE); kVariance: nothing.
  enum class Pending { kExplore, kVariance };

  Transform transform = Transform::kHalfRankLog;
  Arms arms = Arms::kAuto;
  Prior prior = Prior::kAuto;
  Pending pending = Pending::kExplore;
  bool trust_region = true;
  int32_t start_trials = 1;  // Before a model is asked, results or not.
};

struct Algorithm {
  std::string name = "auto";
  int32_t points_per_continuous = 10;  // grid: of each continuous parameter.
  bool shuffle = false;                // grid: in a random order.
  int32_t candidates = 24;             // tpe: compared for each proposal.
  BayesianOptions bayesian = {};
};

// What the steps of a schedule count.
enum class StepUnit {
  kSteps = 1,     // What the program counts: epochs, iterations.
  kSeconds = 2,   // Of training.
  kExamples = 3,  // Of the training data.
};

// Members that are trained side by side and learn of each other (pbt, pb2,
// gradient).
struct PopulationOptions {
  int32_t size = 8;
  int64_t interval = 1;    // Steps between two looks at the others.
  double quantile = 0.25;  // The worst copy one of as many best, up to 0.5.
  double resample = 0.25;  // pbt: chance that a parameter is drawn anew.
};

// What steps along gradients look like (schedule "gradient").
struct GradientOptions {
  Goal goal = Goal::kMinimize;  // Of GradientSpec::metric.
  double rate = 0.05;           // Adam's, in the unit cube.
  int32_t replace_every = 3;    // Runs of a chain between two looks at others.
  double audit_share = 0.01;    // Of gradients that differences check.
  bool random_directions = false;  // For comparisons: of the same length.
};

// In how many runs a configuration is trained, each of which goes on from where
// another one ended (search/schedules). A run is a trial of its own.
struct ScheduleSpec {
  // "asha", "gradient", "hyperband", "pasha", "pbt", "pb2"; empty: in one run.
  std::string name = {};
  int64_t min_steps = 1;  // Of the first run; not of populations.
  int64_t max_steps = 0;  // Of a configuration.
  int32_t reduction = 3;  // One of so many is worth more; not of populations.
  StepUnit unit = StepUnit::kSteps;
  PopulationOptions population = {};
  GradientOptions gradient = {};

  bool exists() const { return !name.empty(); }
  bool IsPopulation() const {
    return name == "pbt" || name == "pb2" || name == "gradient";
  }
};

// Derivatives that each trial is asked for, d(metric)/d(parameter).
struct GradientSpec {
  std::string metric = {};                   // Empty: none are asked for.
  std::vector<std::string> parameters = {};  // Of the study, continuous ones.
  std::string method = {};  // As the program calls it; empty: as it likes.
  int64_t every = 0;   // Steps between two; 0: at the end of each trial alone.
  int32_t work = 0;    // Steps or terms that one may take; 0: as it likes.
  int32_t splits = 0;  // Of the data, for the deviation; 0: as it likes.

  bool exists() const { return !metric.empty(); }
};

// What a trial needs of a worker.
struct Resources {
  int32_t gpus = 0;  // 0: a slot as it is; n: n slots that have a GPU.
};

// How workers run a trial. kNone: clients ask, train and tell themselves.
enum class RunnerKind { kNone = 0, kBuiltin = 1, kNamed = 2, kCommand = 3 };

struct TrialSpec {
  RunnerKind runner = RunnerKind::kNone;
  std::string runner_name;          // kNamed: of the worker's configuration.
  std::string builtin_config_json;  // kBuiltin: the trainer's configuration.
  std::vector<std::string> argv;    // kCommand: "{parameter}" is replaced.
  Resources resources;
  AttemptLimits limits;
  std::optional<double> max_seconds;  // Wall-time limit of one attempt.
};

// How an earlier study relates to one that learns from it.
enum class Trust {
  kSame = 1,     // The same objectives, perhaps over other ranges.
  kSimilar = 2,  // Others, but of a similar shape: another data set.
};

// A study to learn from, as its creator named it.
struct WarmStart {
  std::string study = {};  // Id in digits, "owner/name", or "name".
  Trust trust = Trust::kSame;
};

// All that a study was asked to be, and may be edited to (spec revision).
// Immutable: shared by threads as shared_ptr<const StudySpec>.
struct StudySpec {
  std::string owner;
  std::string name;
  std::vector<MetricSpec> metrics;  // Objectives first used: index 0.
  SearchSpace space;
  Algorithm algorithm;
  ScheduleSpec schedule = {};
  StoppingSpec stopping;
  TrialSpec trial;
  Budget budget;
  int32_t priority = 0;  // Higher is served first, within an owner.
  std::string note;
  uint64_t seed = 0;
  // How long who asks waits for a fresh proposal; then a stale one is taken.
  // InfiniteDuration(): for ever, so that the seed alone decides.
  absl::Duration max_wait = absl::Milliseconds(100);
  // How often each configuration is run: trials of replicate 0 to this - 1.
  int32_t replicates = 1;
  // Studies to learn from, copied at creation (search/earlier_study.h).
  std::vector<WarmStart> warm_start = {};
  // Bytes that its checkpoints may take; nullopt: as the server says.
  std::optional<int64_t> checkpoint_bytes = {};
  // What trials are to tell beside their metrics.
  GradientSpec gradients = {};
};

// The objectives' indices in `metrics`: those without a bound.
std::vector<int> Objectives(const StudySpec& spec);

// Counts of a study, kept in its row with every change.
struct StudyCounts {
  int64_t trials = 0;  // Created, hidden ones too: the next trial's number.
  int64_t configurations = 0;  // What max_trials counts.
  int64_t pending = 0;
  int64_t running = 0;
  int64_t completed = 0;
  int64_t stopped = 0;
  int64_t failed = 0;
  int64_t infeasible = 0;
  int64_t measurements = 0;
  int64_t steps = 0;            // Sum over trials of the steps they ran.
  double training_seconds = 0;  // Over ended attempts.
};

// A study's row: what changes. The spec is kept apart, by spec revision.
struct Study {
  StudyId id;
  std::string owner;
  std::string name;
  StudyState state = StudyState::kActive;
  CompletionReason completion = CompletionReason::kNone;
  std::string reason;  // In words.
  uint64_t seed = 0;
  int64_t spec_revision = 1;
  StudyCounts counts;
  absl::Time created;
  std::optional<absl::Time> first_lease;
  std::optional<absl::Time> paused_since;
  double paused_seconds = 0;  // Since the first lease, ended pauses.
  std::optional<absl::Time> completed;
  bool hidden = false;  // Deleted: a mark; the name is free again.

  int64_t revision = 0;  // The last number given to a change of this study.
  int64_t changed_revision = 0;  // Of the last change of this row by itself.
};

std::string ToText(StudyState state);
std::string ToText(CompletionReason reason);
std::string ToText(Goal goal);
std::string ToText(Trust trust);
std::string ToText(StepUnit unit);

// The step at which the first run of a configuration ends that a user enqueues;
// 0 without a schedule: as far as the program goes.
int64_t FirstRunSteps(const ScheduleSpec& schedule);

// The transitions: FailedPrecondition when not allowed.
absl::Status Pause(Study& study, absl::Time now);
absl::Status Resume(Study& study, absl::Time now);
// Of an ACTIVE or PAUSED study.
absl::Status Complete(Study& study, CompletionReason reason, std::string words,
                      absl::Time now);
// After the budget was raised. FailedPrecondition if a user stopped it or its
// space is used up. The time it lay completed counts as paused.
absl::Status Reopen(Study& study, absl::Time now);

// Seconds of `max_seconds` used by `now`.
double SecondsUsed(const Study& study, absl::Time now);

// INFEASIBLE trials do not count for max_trials, but a study that finds little
// else must end: with ten times as many, and 100.
int64_t MostInfeasible(int64_t max_trials);

// Why nothing new may start in words ("max_trials: 60 of 60 started"), or
// nullopt if something may. Looks at the counts: neither at max_parallel nor
// at the target, see WhatReachesTarget().
struct Spent {
  CompletionReason reason = CompletionReason::kBudgetSpent;
  std::string words = {};
  bool stop_running = false;  // max_seconds and target: running ones end too.
  bool requeued_may_run = false;  // max_trials: those started before go on.
};
// What `spent` for max_trials says once no configuration is left to go on with.
Spent WithoutContinuations(Spent spent, const ScheduleSpec& schedule);
// Nothing can be proposed any more.
Spent WhatIsUsedUp(const Study& study, const ScheduleSpec& schedule);
std::optional<Spent> WhatIsSpent(const Study& study, const Budget& budget,
                                 absl::Time now);

// The same once a trial ended with `value` of the first objective.
std::optional<Spent> WhatReachesTarget(const MetricSpec& objective,
                                       double value, const Budget& budget);

// Moves a trial from one state to another in the counts. `from` is nullopt for
// a new trial. A configuration counts when its first attempt starts, or when a
// finished trial is added. Not touched: measurements, steps, training_seconds.
void CountTransition(StudyCounts& counts, std::optional<TrialState> from,
                     const Trial& trial);

// True if `a` is better than `b` for the metric. NaN is worst.
bool IsBetter(double a, double b, Goal goal);

// The value of the metric for a curve: explicit final value, else the last or
// best of `curve` that has it, by `select`. `curve` in order of arrival; a
// later measurement of a step replaces an earlier one.
std::optional<double> MetricValue(const MetricSpec& metric,
                                  const Metrics& final_metrics,
                                  const std::vector<Measurement>& curve);

}  // namespace assay
