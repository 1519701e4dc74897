// What comes from outside as a study: each limit, and what it becomes.

#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "proto/convert.h"
#include "proto/convert_gradients.h"
#include "search/factory.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Valid, and small.
v1::StudySpec Base() {
  v1::StudySpec spec;
  spec.set_name("mnist");
  v1::Metric& metric = *spec.add_metrics();
  metric.set_name("loss");
  metric.set_goal(v1::MINIMIZE);
  v1::Parameter& parameter = *spec.add_parameters();
  parameter.set_name("x");
  parameter.mutable_double_()->set_max(1);
  return spec;
}

// Base() with the fields of a text merged in.
v1::StudySpec With(const std::string& text) {
  v1::StudySpec spec = Base();
  google::protobuf::TextFormat::Parser parser;
  v1::StudySpec more;
  EXPECT_TRUE(parser.ParseFromString(text, &more)) << text;
  spec.MergeFrom(more);
  return spec;
}

void ExpectRefused(const v1::StudySpec& spec, const std::string& message) {
  const absl::Status status = ToStudySpec(spec).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << message;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  EXPECT_LE(status.message().size(), 1000u);
}

StudySpec Accepted(const v1::StudySpec& spec) {
  absl::StatusOr<StudySpec> value = ToStudySpec(spec);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? *std::move(value) : StudySpec();
}

// A change of Base(), as text, and the message it is refused with.
struct BadText {
  const char* text;
  const char* message;
};

void PrintTo(const BadText& bad, std::ostream* out) { *out << bad.text; }

class BadTextTest : public ::testing::TestWithParam<BadText> {};

TEST_P(BadTextTest, IsRefused) {
  ExpectRefused(With(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Names, BadTextTest,
    ::testing::Values(
        BadText{"name: '123'", "name: \"123\"; not only digits"},
        BadText{"name: 'a/b'", "name: \"a/b\"; no '/'"},
        BadText{"name: 'a\\nb'", "name: \"a\\nb\"; no control characters"},
        BadText{"owner: 'a/b'", "owner: \"a/b\"; no '/'"},
        BadText{"owner: '\\033[2J'", "owner: \"\\033[2J\"; no control"}));

INSTANTIATE_TEST_SUITE_P(
    Metrics, BadTextTest,
    ::testing::Values(BadText{"metrics {name: 'a'}",
                              "metrics[1].goal: missing; MINIMIZE or MAXIMIZE"},
                      BadText{"metrics {name: 'a' goal: 7}",
                              "metrics[1].goal: 7; MINIMIZE or MAXIMIZE"},
                      BadText{"metrics {name: 'a' goal: MINIMIZE select: 9}",
                              "metrics[1].select: 9; LAST or BEST"},
                      BadText{"metrics {goal: MINIMIZE}",
                              "metrics[1].name: missing; 1 to 256 bytes"},
                      BadText{"metrics {name: 'loss' goal: MINIMIZE}",
                              "metrics[1].name: \"loss\"; each name once"},
                      BadText{"metrics {name: 'a' goal: MINIMIZE bound: nan}",
                              "metrics[1].bound: nan; a finite number"},
                      BadText{"metrics {name: 'a' goal: MINIMIZE bound: -inf}",
                              "metrics[1].bound: -inf; a finite number"}));

INSTANTIATE_TEST_SUITE_P(
    WarmStart, BadTextTest,
    ::testing::Values(BadText{"warm_start {trust: SAME}",
                              "warm_start[0].study: empty; an id"},
                      BadText{"warm_start {study: 'a'}",
                              "warm_start[0].trust: missing; SAME or SIMILAR"},
                      BadText{"warm_start {study: 'a' trust: 7}",
                              "warm_start[0].trust: 7; SAME or SIMILAR"}));

INSTANTIATE_TEST_SUITE_P(
    Parameters, BadTextTest,
    ::testing::Values(
        BadText{"parameters {name: 'y'}",
                "parameters[1] \"y\": no domain; one of double, integer, "
                "categorical, discrete"},
        BadText{"parameters {name: '' double {max: 1}}", "name"},
        BadText{"parameters {name: 'x' double {max: 1}}", "\"x\""},
        BadText{"parameters {name: 'y' double {max: 1 scale: 9}}",
                "parameters[1] \"y\".double.scale: 9; LINEAR, LOG, "
                "REVERSE_LOG or LOGIT"},
        BadText{"parameters {name: 'y' double {min: 2 max: 1}}", "\"y\""},
        BadText{"parameters {name: 'y' double {min: 1 max: 1}}", "\"y\""},
        BadText{"parameters {name: 'y' double {min: nan max: 1}}", "\"y\""},
        BadText{"parameters {name: 'y' double {min: 0 max: nan}}", "\"y\""},
        BadText{"parameters {name: 'y' double {min: -inf max: 1}}", "\"y\""},
        BadText{"parameters {name: 'y' double {min: 0 max: inf}}", "\"y\""},
        BadText{"parameters {name: 'y' double {min: 0 max: 1 scale: LOG}}",
                "\"y\""},
        BadText{"parameters {name: 'y' double {min: -1 max: 1 scale: LOG}}",
                "\"y\""},
        BadText{
            "parameters {name: 'y' double {min: 0 max: 1 scale: REVERSE_LOG}}",
            "\"y\""},
        BadText{"parameters {name: 'y' double {min: .5 max: 1 scale: LOGIT}}",
                "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1 step: 0}}", "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1 step: -1}}", "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1 step: 2}}", "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1 step: nan}}", "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1} default {}}",
                "parameters[1] \"y\".default: missing"},
        BadText{"parameters {name: 'y' double {max: 1} default {"
                "number_value: 2}}",
                "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1} default {"
                "number_value: nan}}",
                "parameters[1] \"y\".default: nan; a finite number"},
        BadText{"parameters {name: 'y' double {max: 1} default {"
                "null_value: NULL_VALUE}}",
                "parameters[1] \"y\".default: null; a string, a boolean or a "
                "number"}));

INSTANTIATE_TEST_SUITE_P(
    Priors, BadTextTest,
    ::testing::Values(
        BadText{"parameters {name: 'y' double {max: 1} prior {}}",
                "parameters[1] \"y\".prior: missing; one of normal, weights"},
        BadText{"parameters {name: 'y' double {max: 1} prior {normal {}}}",
                "parameters[1] \"y\".prior.normal.mean: missing"},
        BadText{"parameters {name: 'y' double {max: 1} prior {"
                "normal {mean: 0.5} weights: 1}}",
                "parameters[1] \"y\".prior: both; one of normal, weights"},
        BadText{"parameters {name: 'y' double {max: 1} prior {"
                "normal {mean: 1.5}}}",
                "parameter \"y\": prior: mean 1.5, allowed are 0 to 1"},
        BadText{"parameters {name: 'y' double {max: 1} prior {"
                "normal {mean: nan}}}",
                "parameter \"y\": prior: mean nan, must be finite"},
        BadText{"parameters {name: 'y' double {max: 1} prior {"
                "normal {mean: 0.5 deviation: -1}}}",
                "parameter \"y\": prior: deviation -1, allowed are 0.01 to 1"},
        BadText{"parameters {name: 'd' discrete {values: [1, 2]} prior {"
                "weights: 1}}",
                "parameter \"d\": prior: 1 weights, must be one for each of "
                "2 values"}));

INSTANTIATE_TEST_SUITE_P(
    IntegersAndLists, BadTextTest,
    ::testing::Values(
        BadText{"parameters {name: 'n' integer {max: 9007199254740993}}",
                "parameters[1] \"n\".integer.max: 9007199254740993; "
                "-9007199254740992 to 9007199254740992"},
        BadText{"parameters {name: 'n' integer {min: -9223372036854775808}}",
                "parameters[1] \"n\".integer.min: -9223372036854775808"},
        BadText{"parameters {name: 'n' integer {min: 2 max: 1}}", "\"n\""},
        BadText{"parameters {name: 'n' integer {max: 9 step: -1}}", "\"n\""},
        BadText{"parameters {name: 'n' integer {min: 1 max: 9 scale: LOGIT}}",
                "\"n\""},
        BadText{"parameters {name: 'n' integer {max: 9 scale: LOG}}", "\"n\""},
        BadText{"parameters {name: 'c' categorical {}}", "\"c\""},
        BadText{"parameters {name: 'c' categorical {values {"
                "values {string_value: 'a'} values {string_value: 'a'}}}}",
                "\"c\""},
        BadText{"parameters {name: 'c' categorical {values {"
                "values {null_value: NULL_VALUE}}}}",
                "parameters[1] \"c\".categorical.values[0]: null; a string, a "
                "boolean or a number"},
        BadText{"parameters {name: 'c' categorical {values {"
                "values {number_value: inf}}}}",
                "parameters[1] \"c\".categorical.values[0]: inf; a finite"},
        BadText{"parameters {name: 'c' categorical {values {"
                "values {list_value {}}}}}",
                "parameters[1] \"c\".categorical.values[0]: a list; "},
        BadText{"parameters {name: 'c' categorical {values {"
                "values {struct_value {}}}}}",
                "parameters[1] \"c\".categorical.values[0]: an object; "},
        BadText{"parameters {name: 'd' discrete {}}", "\"d\""},
        BadText{"parameters {name: 'd' discrete {values: [2, 1]}}", "\"d\""},
        BadText{"parameters {name: 'd' discrete {values: [1, 1]}}", "\"d\""},
        BadText{"parameters {name: 'd' discrete {values: [nan]}}", "\"d\""},
        BadText{"parameters {name: 'd' discrete {values: [1, inf]}}",
                "\"d\""}));

INSTANTIATE_TEST_SUITE_P(
    Conditions, BadTextTest,
    ::testing::Values(
        BadText{"parameters {name: 'y' double {max: 1} when {parent: 'z' "
                "values {values {number_value: 1}}}}",
                "\"y\""},
        BadText{"parameters {name: 'y' double {max: 1} when {}}", "\"y\""},
        BadText{"parameters {name: 'y' integer {max: 1} when {parent: 'y' "
                "values {values {number_value: 1}}}}",
                "\"y\""},
        BadText{"parameters {name: 'a' integer {max: 1} when {parent: 'b' "
                "values {values {number_value: 1}}}}"
                "parameters {name: 'b' integer {max: 1} when {parent: 'a' "
                "values {values {number_value: 1}}}}",
                "cycle"},
        BadText{"parameters {name: 'a' integer {max: 1}}"
                "parameters {name: 'b' integer {max: 1} when {parent: 'a' "
                "values {values {number_value: 7}}}}",
                "\"b\""},
        BadText{"parameters {name: 'a' integer {max: 1}}"
                "parameters {name: 'b' integer {max: 1} when {parent: 'a'}}",
                "\"b\""},
        BadText{"parameters {name: 'b' integer {max: 1} when {parent: 'x' "
                "values {values {number_value: 1}}}}",
                "\"b\""},
        BadText{"constraints: 'x <'", "x <"},
        BadText{"constraints: 'z < 1'", "z"},
        BadText{"constraints: 'x > 2'", "constraint"}));

INSTANTIATE_TEST_SUITE_P(
    SearchAndStopping, BadTextTest,
    ::testing::Values(
        BadText{"algorithm {grid {points: -1}}",
                "algorithm.grid.points: -1; 1 to 1000000, or 0 for 10"},
        BadText{"algorithm {bayesian {start_trials: -1}}",
                "algorithm.bayesian.start_trials: -1; "},
        BadText{"algorithm {tpe {candidates: 10001}}",
                "algorithm.tpe.candidates: 10001; 1 to 10000, or 0 for 24"},
        BadText{"algorithm {grid {points: 1000001}}",
                "algorithm.grid.points: 1000001; "},
        BadText{"stopping {median {warmup_steps: -1}}",
                "stopping.median.warmup_steps: -1; 0 to "},
        BadText{"stopping {median {min_trials: -1}}",
                "stopping.median.min_trials: -1; 1 to 1000000, or 0 for 5"},
        BadText{"stopping {median {interval_steps: -1}}",
                "stopping.median.interval_steps: -1; "},
        BadText{"stopping {patience {steps: -1}}",
                "stopping.patience.steps: -1; "},
        BadText{"stopping {patience {min_delta: -1}}",
                "stopping.patience.min_delta: -1; finite, at least 0"},
        BadText{"stopping {patience {min_delta: nan}}",
                "stopping.patience.min_delta: nan; finite, at least 0"},
        BadText{"stopping {patience {} metric: 'nope'}",
                "stopping.metric: \"nope\"; a metric of the study"},
        BadText{"stopping {metric: 'loss'}",
                "stopping: a metric or smoothing without a rule; one of asha"},
        BadText{"replicates {count: -1}", "replicates.count: -1; 1 to 100"},
        BadText{"replicates {count: 101}", "replicates.count: 101; 1 to 100"},
        BadText{"freshness {max_wait: -1}",
                "freshness.max_wait: -1; 0 to 60 seconds"},
        BadText{"freshness {max_wait: 61}", "freshness.max_wait: 61; "},
        BadText{"freshness {max_wait: nan}", "freshness.max_wait: nan; "},
        BadText{"freshness {max_wait: 1 always_fresh: true}",
                "freshness: always_fresh and max_wait; one of them"}));

INSTANTIATE_TEST_SUITE_P(
    Trials, BadTextTest,
    ::testing::Values(
        BadText{"trial {}", "trial: nothing to run; one of builtin, runner"},
        BadText{"trial {resources {gpus: 1}}", "trial: nothing to run; "},
        BadText{"trial {runner {}}",
                "trial.runner.name: missing; 1 to 256 bytes"},
        BadText{"trial {command {}}",
                "trial.command.argv: 0; 1 to 1000 arguments"},
        BadText{"trial {command {argv: ''}}",
                "trial.command.argv[0]: \"\"; a program"},
        BadText{"trial {command {argv: 'a' argv: 'b\\0c'}}",
                "trial.command.argv[1]: \"b\\000c\"; no zero byte"},
        BadText{"trial {builtin {} resources {gpus: -1}}",
                "trial.resources.gpus: -1; 0 to 1024"},
        BadText{"trial {builtin {} max_attempts: -1}",
                "trial.max_attempts: -1; 1 to 100, or 0 for 3"},
        BadText{"trial {builtin {} max_attempts: 101}",
                "trial.max_attempts: 101; 1 to 100, or 0 for 3"},
        BadText{"trial {builtin {} max_lost: 101}",
                "trial.max_lost: 101; 1 to 100, or 0 for 5"},
        BadText{"trial {builtin {} max_seconds: -1}",
                "trial.max_seconds: -1; finite, above 0; or 0 for none"},
        BadText{"trial {builtin {} max_seconds: inf}",
                "trial.max_seconds: inf; "},
        BadText{"trial {builtin {config {fields {key: 'a' value {"
                "list_value {values {number_value: nan}}}}}}}",
                "trial.builtin.config.a[0]: nan; a finite number"},
        BadText{"trial {builtin {config {fields {key: 'a' value {}}}}}",
                "trial.builtin.config.a: missing; any JSON value"}));

INSTANTIATE_TEST_SUITE_P(
    Budget, BadTextTest,
    ::testing::Values(
        BadText{"budget {max_trials: 0}",
                "budget.max_trials: 0; at least 1, or absent for none"},
        BadText{"budget {max_trials: -5}", "budget.max_trials: -5; "},
        BadText{"budget {max_parallel: 0}", "budget.max_parallel: 0; "},
        BadText{"budget {max_seconds: 0}",
                "budget.max_seconds: 0; finite, above 0, or absent for none"},
        BadText{"budget {max_seconds: nan}", "budget.max_seconds: nan; "},
        BadText{"budget {max_seconds: inf}", "budget.max_seconds: inf; "},
        BadText{"budget {max_steps_total: -1}", "budget.max_steps_total: -1; "},
        BadText{"budget {max_training_seconds: -1}",
                "budget.max_training_seconds: -1; "},
        BadText{"budget {max_failed: 0}", "budget.max_failed: 0; "},
        BadText{"budget {target: nan}", "budget.target: nan; finite"}));

// Changes that are too large, or that text cannot say.
struct BadChange {
  const char* message;
  std::function<void(v1::StudySpec&)> change;
};

void AddMetrics(v1::StudySpec& spec, int count) {
  for (int i = 0; i < count; ++i) {
    v1::Metric& metric = *spec.add_metrics();
    metric.set_name(absl::StrCat("m", i));
    metric.set_goal(v1::MINIMIZE);
  }
}

void AddParameters(v1::StudySpec& spec, int count) {
  for (int i = 0; i < count; ++i) {
    v1::Parameter& parameter = *spec.add_parameters();
    parameter.set_name(absl::StrCat("p", i));
    parameter.mutable_double_()->set_max(1);
  }
}

void AddChoices(v1::StudySpec& spec, int count) {
  v1::Parameter& parameter = *spec.add_parameters();
  parameter.set_name("c");
  for (int i = 0; i < count; ++i) {
    parameter.mutable_categorical()
        ->mutable_values()
        ->add_values()
        ->set_number_value(i);
  }
}

void AddDiscrete(v1::StudySpec& spec, int count) {
  v1::Parameter& parameter = *spec.add_parameters();
  parameter.set_name("d");
  for (int i = 0; i < count; ++i) parameter.mutable_discrete()->add_values(i);
}

// {"a": {"a": ... {}}}, so many deep.
void Nest(v1::StudySpec& spec, int depth) {
  google::protobuf::Struct* config =
      spec.mutable_trial()->mutable_builtin()->mutable_config();
  for (int i = 0; i < depth; ++i) {
    config = (*config->mutable_fields())["a"].mutable_struct_value();
  }
}

TEST(StudySpecTest, EachLimitIsNamed) {
  const BadChange changes[] = {
      {"name: missing; 1 to 256 bytes",
       [](v1::StudySpec& spec) { spec.clear_name(); }},
      {"(257 bytes); at most 256 bytes",
       [](v1::StudySpec& spec) { spec.set_name(std::string(257, 'n')); }},
      {"(257 bytes); at most 256 bytes",
       [](v1::StudySpec& spec) { spec.set_owner(std::string(257, 'n')); }},
      {"metrics: missing; 1 to 64",
       [](v1::StudySpec& spec) { spec.clear_metrics(); }},
      {"metrics: each has a `bound`; at least one objective",
       [](v1::StudySpec& spec) { spec.mutable_metrics(0)->set_bound(1); }},
      {"metrics: 65; at most 64",
       [](v1::StudySpec& spec) { AddMetrics(spec, 64); }},
      {"metrics[0].name: \"",
       [](v1::StudySpec& spec) {
         spec.mutable_metrics(0)->set_name(std::string(257, 'm'));
       }},
      {"257 bytes",
       [](v1::StudySpec& spec) {
         spec.mutable_parameters(0)->set_name(std::string(257, 'p'));
       }},
      {"1001 parameters",
       [](v1::StudySpec& spec) { AddParameters(spec, 1000); }},
      {"10001 parameters",
       [](v1::StudySpec& spec) { AddParameters(spec, 10'000); }},
      {"1001 values", [](v1::StudySpec& spec) { AddChoices(spec, 1001); }},
      {"1001 values", [](v1::StudySpec& spec) { AddDiscrete(spec, 1001); }},
      {"constraints: 1001; at most 1000",
       [](v1::StudySpec& spec) {
         for (int i = 0; i < 1001; ++i) spec.add_constraints("x < 2");
       }},
      {"spec: 1048",
       [](v1::StudySpec& spec) {
         spec.set_note(std::string(kMaxSpecBytes, 'n'));
       }},
      {"trial.command.argv: 1001; 1 to 1000 arguments",
       [](v1::StudySpec& spec) {
         for (int i = 0; i < 1001; ++i) {
           spec.mutable_trial()->mutable_command()->add_argv("a");
         }
       }},
      {"trial.builtin.config: nested deeper than 24",
       [](v1::StudySpec& spec) { Nest(spec, 25); }},
      {"trial.builtin.config: nested deeper than 24",
       [](v1::StudySpec& spec) { Nest(spec, 500); }},
      // A long value is not said in full.
      {"",
       [](v1::StudySpec& spec) {
         auto& values = *spec.mutable_parameters(0)
                             ->mutable_categorical()
                             ->mutable_values();
         values.add_values()->set_string_value(std::string(400'000, 'v'));
         *values.add_values() = values.values(0);
       }},
  };
  for (const BadChange& bad : changes) {
    v1::StudySpec spec = Base();
    bad.change(spec);
    ExpectRefused(spec, bad.message);
  }
}

TEST(StudySpecTest, LimitsThemselvesAreAllowed) {
  v1::StudySpec spec = Base();
  spec.set_name(std::string(256, 'n'));
  spec.set_owner(std::string(256, 'o'));
  AddMetrics(spec, 63);
  AddParameters(spec, 997);
  AddChoices(spec, 1000);
  AddDiscrete(spec, 1000);
  Nest(spec, 24);
  const StudySpec value = Accepted(spec);
  EXPECT_THAT(value.metrics, SizeIs(64));
  EXPECT_THAT(value.space.parameters(), SizeIs(1000));
}

TEST(StudySpecTest, DenormalsAndHugeRangesAreNumbersToo) {
  Accepted(
      With("parameters {name: 'y' double {min: 4.9e-324 max: 1e-300 "
           "scale: LOG}}"));
  Accepted(
      With("parameters {name: 'n' integer {min: -9007199254740992 "
           "max: 9007199254740992}}"));
  Accepted(
      With("parameters {name: 'd' discrete {values: [-1e308, 4.9e-324, "
           "1e308]}}"));
  // Whether max - min overflows or not: a clear answer, no crash.
  const auto huge = ToStudySpec(
      With("parameters {name: 'y' double {min: -1.7e308 max: 1.7e308}}"));
  EXPECT_TRUE(huge.ok() || absl::IsInvalidArgument(huge.status()));
}

TEST(StudySpecTest, DefaultsOfAnEmptySpec) {
  const StudySpec spec = Accepted(Base());
  EXPECT_EQ(spec.owner, "local");
  EXPECT_EQ(spec.name, "mnist");
  EXPECT_EQ(spec.metrics[0].goal, Goal::kMinimize);
  EXPECT_EQ(spec.metrics[0].select, Select::kLast);
  EXPECT_EQ(spec.algorithm.name, "auto");
  EXPECT_TRUE(spec.stopping.empty());
  EXPECT_EQ(spec.trial.runner, RunnerKind::kNone);
  EXPECT_EQ(spec.trial.limits.max_failed, 3);
  EXPECT_EQ(spec.trial.limits.max_lost, 5);
  EXPECT_EQ(spec.trial.max_seconds, std::nullopt);
  EXPECT_EQ(spec.budget.max_trials, std::nullopt);
  EXPECT_EQ(spec.max_wait, absl::Milliseconds(100));
  EXPECT_EQ(spec.seed, 0u);
}

// --- Schedules --------------------------------------------------------------

INSTANTIATE_TEST_SUITE_P(
    Schedules, BadTextTest,
    ::testing::Values(
        BadText{"schedule {}", "schedule.max_steps: 0; 1 to 9007199254740992"},
        BadText{"schedule { max_steps: 9 min_steps: 10 }",
                "schedule.min_steps: 10; 1 to 9"},
        BadText{"schedule { max_steps: 9 hyperband { reduction: 1 } }",
                "schedule.hyperband.reduction: 1; 2 to 100"},
        BadText{"schedule { max_steps: 9 pbt { interval: 10 } }",
                "schedule.pbt.interval: 10; 1 to 9"},
        BadText{"schedule { max_steps: 9 pbt { quantile: 0.6 } }",
                "schedule.pbt.quantile: 0.6; 0 to 0.5"},
        BadText{"schedule { max_steps: 9 gradient {} }",
                "schedule.gradient: without gradients; say in `gradients`"},
        BadText{"gradients {} schedule { max_steps: 9 gradient { interval: 10 "
                "} }",
                "schedule.gradient.interval: 10; 1 to 9"},
        BadText{
            "gradients {} schedule { max_steps: 9 gradient { chains: -1 } }",
            "schedule.gradient.chains: -1; 1 to 1000"},
        BadText{"gradients {} schedule { max_steps: 9 gradient { rate: 0.6 } }",
                "schedule.gradient.rate: 0.6; above 0, at most 0.5"},
        BadText{"gradients {} schedule { max_steps: 9 gradient { audit_share: "
                "1.5 } }",
                "schedule.gradient.audit_share: 1.5; 0 to 1"},
        BadText{
            "gradients {} schedule { max_steps: 9 gradient { goal: MAXIMIZE "
            "} }",
            "schedule.gradient.goal: MAXIMIZE; metric \"loss\" says"},
        BadText{"schedule { max_steps: 9 unit: 7 }",
                "schedule.unit: 7; STEPS, SECONDS or EXAMPLES"},
        BadText{"schedule { max_steps: 9 } replicates { count: 2 }",
                "schedule: with replicates.count 2"}));

TEST(StudySpecTest, ChainsFollowTheFirstObjectiveIfNothingElseIsSaid) {
  const StudySpec spec =
      Accepted(With("gradients {} schedule { max_steps: 40 gradient {} }"));
  EXPECT_EQ(spec.gradients.metric, "loss");
  EXPECT_EQ(spec.schedule.name, "gradient");
  EXPECT_EQ(spec.schedule.gradient.goal, Goal::kMinimize);
  EXPECT_EQ(spec.schedule.population.size, 4);
  EXPECT_EQ(spec.schedule.population.interval, 4);
}

// --- Gradients --------------------------------------------------------------

INSTANTIATE_TEST_SUITE_P(
    Gradients, BadTextTest,
    testing::Values(
        BadText{"gradients { parameters: 'y' }",
                "gradients.parameters[0]: \"y\"; a parameter of the study"},
        BadText{"parameters { name: 'n' integer { min: 1 max: 9 } } "
                "gradients { parameters: 'n' }",
                "gradients.parameters[0]: \"n\"; a continuous one"},
        BadText{"gradients { parameters: ['x', 'x'] }",
                "gradients.parameters[1]: \"x\"; each once"},
        BadText{"gradients { every: -1 }", "gradients.every: -1; 0 to"},
        BadText{"gradients { work: 10001 }", "gradients.work: 10001; 0 to"},
        BadText{"gradients { splits: 101 }", "gradients.splits: 101; 0 to"},
        BadText{"gradients { metric: 'a\\nb' }",
                "gradients.metric: \"a\\nb\"; no control"}));

TEST(StudySpecTest, AStudyWithoutAContinuousParameterHasNoGradients) {
  v1::StudySpec spec = With("gradients {}");
  spec.mutable_parameters(0)->mutable_integer()->set_max(9);
  EXPECT_THAT(std::string(ToStudySpec(spec).status().message()),
              HasSubstr("none in a study without a continuous parameter"));
}

TEST(StudySpecTest, WhatTrialsAreAskedForComesBack) {
  const v1::StudySpec spec = With(
      "gradients { metric: 'validation' parameters: 'x' method: 'forward' "
      "every: 3 work: 9 splits: 5 }");
  EXPECT_EQ(ToMessage(Accepted(spec).gradients).ShortDebugString(),
            spec.gradients().ShortDebugString());
}

TEST(StudySpecTest, AScheduleNamesNoKindAndIsAsha) {
  const StudySpec spec = Accepted(With("schedule { max_steps: 27 }"));
  EXPECT_EQ(spec.schedule.name, "asha");
  EXPECT_EQ(spec.schedule.min_steps, 1);
  EXPECT_EQ(spec.schedule.max_steps, 27);
  EXPECT_EQ(spec.schedule.reduction, 3);
  EXPECT_EQ(spec.schedule.unit, StepUnit::kSteps);
  EXPECT_FALSE(Accepted(Base()).schedule.exists());
}

TEST(StudySpecTest, AScheduleIsTakenAsItIs) {
  StudySpec spec =
      Accepted(With("schedule { min_steps: 2 max_steps: 40 unit: SECONDS "
                    "pasha { reduction: 4 } }"));
  EXPECT_EQ(spec.schedule.name, "pasha");
  EXPECT_EQ(spec.schedule.min_steps, 2);
  EXPECT_EQ(spec.schedule.reduction, 4);
  EXPECT_EQ(spec.schedule.unit, StepUnit::kSeconds);
  spec = Accepted(With("schedule { max_steps: 40 pbt {} }"));
  EXPECT_EQ(spec.schedule.population.size, 8);
  EXPECT_EQ(spec.schedule.population.interval, 2);
  EXPECT_EQ(spec.schedule.population.quantile, 0.25);
  spec =
      Accepted(With("schedule { max_steps: 40 pbt { population: 20 "
                    "interval: 5 quantile: 0 resample: 1 } }"));
  EXPECT_EQ(spec.schedule.population.size, 20);
  EXPECT_EQ(spec.schedule.population.interval, 5);
  EXPECT_EQ(spec.schedule.population.quantile, 0);
  EXPECT_EQ(spec.schedule.population.resample, 1);
  spec = Accepted(With("schedule { max_steps: 40 pb2 {} }"));
  EXPECT_EQ(spec.schedule.name, "pb2");
  EXPECT_EQ(spec.schedule.population.size, 4);
}

TEST(StudySpecTest, AStudyWithoutParametersHasNoSchedule) {
  v1::StudySpec spec = With("schedule { max_steps: 27 }");
  spec.clear_parameters();
  ExpectRefused(spec, "schedule: set; none in a study without parameters");
}

TEST(StudySpecTest, NoParametersIsASpaceOfTheClient) {
  v1::StudySpec spec = Base();
  spec.clear_parameters();
  EXPECT_TRUE(Accepted(spec).space.empty());
}

TEST(StudySpecTest, EveryFieldArrives) {
  const StudySpec spec = Accepted(With(R"(
      owner: 'ann' note: 'n' priority: -3 seed: 18446744073709551615
      metrics {name: 'size' goal: MAXIMIZE select: BEST bound: 3}
      parameters {name: 'opt' categorical {values {
          values {string_value: 'sgd'} values {bool_value: true}
          values {number_value: 2} values {number_value: 0.5}}}
        default {string_value: 'sgd'}}
      parameters {name: 'm' double {min: 0.1 max: 1 scale: LOG step: 0.1}
        when {parent: 'opt' values {values {string_value: 'sgd'}}}}
      parameters {name: 'n' integer {min: 2 max: 8 scale: REVERSE_LOG step: 2}
        prior {normal {mean: 5 deviation: 0.3}}}
      parameters {name: 'd' discrete {values: [1, 2.5]}
        prior {weights: [1, 3]}}
      constraints: 'n < 7'
      algorithm {grid {points: 4 shuffle: true}}
      stopping {median {warmup_steps: 1 min_trials: 2 interval_steps: 3}
                metric: 'size'}
      trial {command {argv: 'train' argv: '{n}'} resources {gpus: 2}
             max_attempts: 4 max_lost: 6 max_seconds: 1.5}
      budget {max_trials: 1 max_parallel: 2 max_seconds: 3 max_steps_total: 4
              max_training_seconds: 5 max_failed: 6 target: -7}
      freshness {max_wait: 0})"));
  EXPECT_EQ(spec.owner, "ann");
  EXPECT_EQ(spec.note, "n");
  EXPECT_EQ(spec.priority, -3);
  EXPECT_EQ(spec.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(spec.metrics[1].select, Select::kBest);
  EXPECT_EQ(spec.metrics[1].bound, 3);

  const auto parameters = spec.space.parameters();
  ASSERT_THAT(parameters, SizeIs(5));
  EXPECT_THAT(
      std::get<CategoricalDomain>(parameters[1].domain).values,
      ::testing::ElementsAre(std::string("sgd"), true, int64_t{2}, 0.5));
  EXPECT_EQ(parameters[1].default_value, ParameterValue(std::string("sgd")));
  EXPECT_EQ(std::get<DoubleDomain>(parameters[2].domain).step, 0.1);
  EXPECT_EQ(std::get<DoubleDomain>(parameters[2].domain).scale, Scale::kLog);
  EXPECT_EQ(parameters[2].when->parent, "opt");
  EXPECT_EQ(std::get<IntegerDomain>(parameters[3].domain).step, 2);
  EXPECT_EQ(std::get<NormalPrior>(*parameters[3].prior).mean, 5);
  EXPECT_EQ(std::get<NormalPrior>(*parameters[3].prior).deviation, 0.3);
  EXPECT_THAT(std::get<WeightsPrior>(*parameters[4].prior).weights,
              ::testing::ElementsAre(1, 3));
  EXPECT_THAT(std::get<DiscreteDomain>(parameters[4].domain).values,
              ::testing::ElementsAre(1, 2.5));
  EXPECT_THAT(spec.space.constraints(), SizeIs(1));

  EXPECT_EQ(spec.algorithm.name, "grid");
  EXPECT_EQ(spec.algorithm.points_per_continuous, 4);
  EXPECT_TRUE(spec.algorithm.shuffle);
  ASSERT_THAT(spec.stopping.rules, SizeIs(1));
  EXPECT_EQ(spec.stopping.rules[0].name, "median");
  EXPECT_EQ(spec.stopping.rules[0].metric, "size");
  EXPECT_EQ(spec.stopping.rules[0].warmup_steps, 1);
  EXPECT_EQ(spec.stopping.rules[0].min_trials, 2);
  EXPECT_EQ(spec.stopping.rules[0].interval_steps, 3);
  EXPECT_EQ(spec.trial.runner, RunnerKind::kCommand);
  EXPECT_THAT(spec.trial.argv, ::testing::ElementsAre("train", "{n}"));
  EXPECT_EQ(spec.trial.resources.gpus, 2);
  EXPECT_EQ(spec.trial.limits.max_failed, 4);
  EXPECT_EQ(spec.trial.limits.max_lost, 6);
  EXPECT_EQ(spec.trial.max_seconds, 1.5);
  EXPECT_EQ(spec.budget.max_trials, 1);
  EXPECT_EQ(spec.budget.target, -7);
  EXPECT_EQ(spec.max_wait, absl::ZeroDuration());
}

TEST(StudySpecTest, AlwaysFreshWaitsForEver) {
  EXPECT_EQ(Accepted(With("freshness {always_fresh: true}")).max_wait,
            absl::InfiniteDuration());
}

TEST(StudySpecTest, EveryStrategyHasAnAlgorithmAndEveryAlgorithmAStrategy) {
  const auto& algorithm = *v1::Algorithm::descriptor();
  std::vector<std::string> names;
  for (int i = 0; i < algorithm.field_count(); ++i) {
    names.push_back(algorithm.field(i)->name());
  }
  EXPECT_THAT(names, testing::UnorderedElementsAreArray(SearchStrategyNames()));
}

TEST(StudySpecTest, OtherAlgorithmsAndRules) {
  EXPECT_EQ(Accepted(With("algorithm {}")).algorithm.name, "auto");
  const StudySpec asked =
      Accepted(With("algorithm {bayesian {start_trials: 7}}"));
  EXPECT_EQ(asked.algorithm.bayesian.start_trials, 7);
  EXPECT_EQ(
      Accepted(With("algorithm {tpe {candidates: 9}}")).algorithm.candidates,
      9);
  EXPECT_EQ(Accepted(With("algorithm {auto {}}")).algorithm.name, "auto");
  EXPECT_EQ(Accepted(With("algorithm {random {}}")).algorithm.name, "random");
  EXPECT_EQ(Accepted(With("algorithm {quasi_random {}}")).algorithm.name,
            "quasi_random");
  const StoppingSpec stopping =
      Accepted(With("stopping {patience {min_delta: 0.5}}")).stopping;
  ASSERT_THAT(stopping.rules, SizeIs(1));
  EXPECT_EQ(stopping.rules[0].name, "patience");
  EXPECT_EQ(stopping.rules[0].patience_steps, 10);
  EXPECT_EQ(stopping.rules[0].min_delta, 0.5);
}

// Maps have no order in memory: the text still is always the same.
TEST(StudySpecTest, BuiltinConfigIsSortedJson) {
  v1::StudySpec spec = Base();
  google::protobuf::Struct& config =
      *spec.mutable_trial()->mutable_builtin()->mutable_config();
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(
                  R"({"z": 1, "a": {"y": [true, null, "s"], "b": 0.001},
                      "k": 100000, "e": 1e-7})",
                  &config)
                  .ok());
  EXPECT_EQ(
      Accepted(spec).trial.builtin_config_json,
      R"({"a":{"b":0.001,"y":[true,null,"s"]},"e":1e-07,"k":100000,"z":1})");
  EXPECT_EQ(Accepted(With("trial {builtin {}}")).trial.builtin_config_json,
            "{}");
}

TEST(StudySpecTest, RunnerByName) {
  const StudySpec spec = Accepted(With("trial {runner {name: 'slurm'}}"));
  EXPECT_EQ(spec.trial.runner, RunnerKind::kNamed);
  EXPECT_EQ(spec.trial.runner_name, "slurm");
}

TEST(BudgetTest, RoundTrip) {
  v1::Budget message;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "max_trials: 1 max_parallel: 2 max_seconds: 3 max_steps_total: 4 "
      "max_training_seconds: 5 max_failed: 6 target: 0",
      &message));
  const auto budget = ToBudget(message);
  ASSERT_TRUE(budget.ok());
  EXPECT_EQ(ToMessage(*budget).DebugString(), message.DebugString());
  EXPECT_EQ(ToMessage(Budget()).ByteSizeLong(), 0u);
}

TEST(StudySpecTest, EachConfigurationIsRunOnceUnlessReplicatesSayMore) {
  EXPECT_EQ(Accepted(Base()).replicates, 1);
  EXPECT_EQ(Accepted(With("replicates {}")).replicates, 1);
  EXPECT_EQ(Accepted(With("replicates {count: 100}")).replicates, 100);
}

TEST(StudySpecTest, AStudyThatProposesNothingHasNoReplicates) {
  v1::StudySpec spec = With("replicates {count: 2}");
  spec.clear_parameters();
  ExpectRefused(spec, "replicates.count: 2; 1 in a study without parameters");
}

TEST(StudySpecTest, StudiesToLearnFromArrive) {
  EXPECT_TRUE(Accepted(Base()).warm_start.empty());
  const StudySpec spec =
      Accepted(With("warm_start {study: 'old' trust: SAME} "
                    "warm_start {study: 'ada/older' trust: SIMILAR}"));
  ASSERT_THAT(spec.warm_start, SizeIs(2));
  EXPECT_EQ(spec.warm_start[0].study, "old");
  EXPECT_EQ(spec.warm_start[0].trust, Trust::kSame);
  EXPECT_EQ(spec.warm_start[1].study, "ada/older");
  EXPECT_EQ(spec.warm_start[1].trust, Trust::kSimilar);
}

TEST(StudySpecTest, NoMoreThanSixteenStudiesToLearnFrom) {
  v1::StudySpec spec = Base();
  for (int i = 0; i < 16; ++i) {
    spec.add_warm_start()->set_study(absl::StrCat("s", i));
    spec.mutable_warm_start(i)->set_trust(v1::SAME);
  }
  EXPECT_THAT(Accepted(spec).warm_start, SizeIs(16));
  *spec.add_warm_start() = spec.warm_start(0);
  ExpectRefused(spec, "warm_start: 17; at most 16");
}

TEST(StudySpecTest, AStudyThatProposesNothingLearnsFromNone) {
  v1::StudySpec spec = With("warm_start {study: 'old' trust: SAME}");
  spec.clear_parameters();
  ExpectRefused(spec, "warm_start: 1 studies; none in a study without");
}

}  // namespace
}  // namespace assay
