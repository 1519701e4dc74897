#include "proto/convert.h"

#include <cmath>
#include <limits>
#include <ostream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

using ValueMap = google::protobuf::Map<std::string, google::protobuf::Value>;
using NumberMap = google::protobuf::Map<std::string, double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

google::protobuf::Value Number(double number) {
  google::protobuf::Value value;
  value.set_number_value(number);
  return value;
}

ParameterValue Converted(double number) {
  ValueMap map;
  map["x"] = Number(number);
  return ToParameters(map)->at("x");
}

template <typename Status>
void ExpectRefused(const Status& status, const std::string& message) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

// --- Parameters -------------------------------------------------------------

TEST(ParametersTest, WholeNumbersAreIntegersAsFarAsADoubleCounts) {
  EXPECT_EQ(Converted(3), ParameterValue(int64_t{3}));
  EXPECT_EQ(Converted(-0.0), ParameterValue(int64_t{0}));
  EXPECT_EQ(Converted(9007199254740992), ParameterValue(kMaxInteger));
  EXPECT_EQ(Converted(9007199254740994), ParameterValue(9007199254740994.0));
  EXPECT_EQ(Converted(1e300), ParameterValue(1e300));
  EXPECT_EQ(Converted(0.5), ParameterValue(0.5));
  EXPECT_EQ(Converted(4.9e-324), ParameterValue(4.9e-324));
}

TEST(ParametersTest, RoundTripOfEachKind) {
  const Parameters parameters = {
      {"b", true}, {"d", 0.1}, {"i", int64_t{-7}}, {"s", std::string("sgd")}};
  ValueMap map;
  ToMessage(parameters, &map);
  const auto back = ToParameters(map);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, parameters);
}

TEST(ParametersTest, WhatIsNoValueIsRefusedByName) {
  ValueMap map;
  map["lr"].set_null_value(google::protobuf::NULL_VALUE);
  ExpectRefused(ToParameters(map).status(),
                "parameters[\"lr\"]: null; a string, a boolean or a number");
  map["lr"].mutable_list_value();
  ExpectRefused(ToParameters(map).status(), "parameters[\"lr\"]: a list; ");
  map["lr"].mutable_struct_value();
  ExpectRefused(ToParameters(map).status(), "parameters[\"lr\"]: an object; ");
  map["lr"].Clear();
  ExpectRefused(ToParameters(map).status(), "parameters[\"lr\"]: missing; ");
  map["lr"] = Number(kNaN);
  ExpectRefused(ToParameters(map).status(), "parameters[\"lr\"]: nan; ");
  map["lr"] = Number(-kInfinity);
  ExpectRefused(ToParameters(map).status(), "parameters[\"lr\"]: -inf; ");
}

TEST(ParametersTest, BadNamesAndTooManyAreRefused) {
  ValueMap map;
  map[""] = Number(1);
  ExpectRefused(ToParameters(map).status(), "the name of one: missing");
  map.clear();
  map[std::string(300'000, 'n')] = Number(1);
  ExpectRefused(ToParameters(map).status(), "(300000 bytes); at most 256");
  EXPECT_LE(ToParameters(map).status().message().size(), 300u);
  map.clear();
  for (int i = 0; i < 1001; ++i) map[absl::StrCat(i)] = Number(1);
  ExpectRefused(ToParameters(map).status(), "parameters: 1001; at most 1000");
}

// --- Measurements -----------------------------------------------------------

v1::Measurement MeasurementMessage(const std::string& text) {
  v1::Measurement message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

TEST(MeasurementTest, RoundTrip) {
  const v1::Measurement message = MeasurementMessage(
      "sequence: 3 step: 7 elapsed_seconds: 1.5 instance: -2 "
      "metrics {key: 'loss' value: 0.5} metrics {key: 'top' value: 2} "
      "gradients {key: 'loss' value {by_parameter {key: 'lr' value: -1} "
      "deviation_by_parameter {key: 'lr' value: 0.5}}}");
  const auto measurement = ToMeasurement(message);
  ASSERT_TRUE(measurement.ok()) << measurement.status();
  EXPECT_EQ(measurement->gradients.at("loss").at("lr"), -1);
  EXPECT_EQ(measurement->gradient_deviations.at("loss").at("lr"), 0.5);
  const v1::Measurement back = ToMessage(*measurement);
  EXPECT_EQ(back.DebugString(), message.DebugString());
}

TEST(MeasurementTest, NaNAndInfinityAreKept) {
  const auto measurement = ToMeasurement(MeasurementMessage(
      "metrics {key: 'a' value: nan} metrics {key: 'b' value: -inf}"));
  ASSERT_TRUE(measurement.ok());
  EXPECT_TRUE(std::isnan(measurement->metrics.at("a")));
  EXPECT_EQ(measurement->metrics.at("b"), -kInfinity);
  EXPECT_TRUE(std::isnan(ToMessage(*measurement).metrics().at("a")));
}

TEST(MeasurementTest, RevisionAndTimeAreTheServers) {
  const auto measurement = ToMeasurement(MeasurementMessage(
      "metrics {key: 'a' value: 1} revision: 9 time {seconds: 9}"));
  EXPECT_EQ(measurement->revision, 0);
  EXPECT_EQ(measurement->time, absl::Time());
}

struct BadMeasurement {
  const char* text;
  const char* message;
};

void PrintTo(const BadMeasurement& bad, std::ostream* out) { *out << bad.text; }

class BadMeasurementTest : public ::testing::TestWithParam<BadMeasurement> {};

TEST_P(BadMeasurementTest, IsRefused) {
  ExpectRefused(ToMeasurement(MeasurementMessage(GetParam().text)).status(),
                GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadMeasurementTest,
    ::testing::Values(
        BadMeasurement{"", "metrics: missing; 1 to 64"},
        BadMeasurement{"sequence: -1", "sequence: -1; 0 to 9007199254740992"},
        BadMeasurement{"step: -9223372036854775808",
                       "step: -9223372036854775808; 0 to 9007199254740992"},
        BadMeasurement{"elapsed_seconds: -1",
                       "elapsed_seconds: -1; finite, at least 0"},
        BadMeasurement{"elapsed_seconds: nan", "elapsed_seconds: nan; "},
        BadMeasurement{"elapsed_seconds: inf", "elapsed_seconds: inf; "},
        BadMeasurement{"metrics {key: '' value: 1}",
                       "metrics, the name of one: missing; 1 to 256 bytes"},
        BadMeasurement{"metrics {key: 'a\\001' value: 1}",
                       "no control characters"},
        BadMeasurement{"metrics {key: 'a' value: 1} gradients {key: ''}",
                       "gradients, the name of one: missing"},
        BadMeasurement{"metrics {key: 'a' value: 1} gradients {key: 'a' value "
                       "{by_parameter {key: '' value: 1}}}",
                       "gradients[\"a\"], the name of one: missing"},
        BadMeasurement{
            "metrics {key: 'a' value: 1} gradients {key: 'a' value "
            "{deviation_by_parameter {key: 'x' value: 1}}}",
            "gradients[\"a\"].deviation_by_parameter: \"x\"; a parameter that "
            "by_parameter has"},
        BadMeasurement{
            "metrics {key: 'a' value: 1} gradients {key: 'a' value "
            "{by_parameter {key: 'x' value: 1} "
            "deviation_by_parameter {key: 'x' value: -2}}}",
            "gradients[\"a\"].deviation_by_parameter[\"x\"]: -2; at least 0"}));

TEST(MeasurementTest, SixtyFourMetricsAndNoMore) {
  v1::Measurement message;
  for (int i = 0; i < 64; ++i) {
    (*message.mutable_metrics())[absl::StrCat("m", i)] = i;
  }
  EXPECT_TRUE(ToMeasurement(message).ok());
  (*message.mutable_metrics())["one more"] = 1;
  ExpectRefused(ToMeasurement(message).status(), "metrics: 65; at most 64");
}

TEST(MetricsTest, MayBeEmpty) { EXPECT_TRUE(ToMetrics(NumberMap())->empty()); }

// --- Messages ---------------------------------------------------------------

Trial FullTrial() {
  Trial trial;
  trial.id = {7};
  trial.study = {3};
  trial.number = 5;
  trial.state = TrialState::kStopped;
  trial.parameters = {{"lr", 0.1}, {"n", int64_t{4}}};
  trial.from_step = 1;
  trial.to_step = 9;
  trial.continues = {2};
  trial.retry_of = {1};
  trial.replicate = 2;
  trial.origin.strategy = "grid";
  trial.origin.why = "next";
  trial.origin.ordinal = 11;
  trial.origin.seen_revision = 12;
  trial.origin.batch_index = 13;
  trial.spec_revision = 2;
  trial.note = "note";
  trial.attempts = 2;
  trial.reason = "median";
  trial.final_metrics = {{"loss", 0.5}};
  trial.last_step = 8;
  trial.created = absl::FromUnixMillis(1500);
  trial.ended = absl::FromUnixNanos(-1);
  trial.revision = 99;
  return trial;
}

TEST(TrialMessageTest, EveryFieldArrives) {
  v1::Trial expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(id: 7 study_id: 3 number: 5 state: STOPPED
         parameters {key: 'lr' value {number_value: 0.1}}
         parameters {key: 'n' value {number_value: 4}}
         from_step: 1 to_step: 9 continues: 2 retry_of: 1 replicate: 2
         origin {strategy: 'grid' why: 'next' ordinal: 11 seen_revision: 12
                 batch_index: 13}
         spec_revision: 2 note: 'note' attempts: 2 reason: 'median'
         final_metrics {key: 'loss' value: 0.5} last_step: 8
         created {seconds: 1 nanos: 500000000}
         ended {seconds: -1 nanos: 999999000} revision: 99)",
      &expected));
  expected.set_seed(TrialSeed(42, 5));
  EXPECT_EQ(ToMessage(FullTrial(), 42).DebugString(), expected.DebugString());
}

TEST(AttemptMessageTest, EveryFieldArrives) {
  Attempt attempt;
  attempt.number = 2;
  attempt.holder = "node7";
  attempt.by_worker = true;
  attempt.started = absl::FromUnixSeconds(10);
  attempt.ended = absl::FromUnixSeconds(20);
  attempt.outcome = AttemptOutcome::kLost;
  attempt.reason = "lease";
  attempt.stop_reason = "median";
  attempt.training_seconds = 9.5;
  attempt.lease = absl::Milliseconds(2500);
  attempt.slot = 4;
  attempt.gpu = "3: NVIDIA H100";
  v1::Attempt expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(number: 2 holder: 'node7' by_worker: true started {seconds: 10}
         ended {seconds: 20} outcome: LOST reason: 'lease'
         stop_reason: 'median' training_seconds: 9.5 lease_seconds: 2.5
         slot: 4 gpu: '3: NVIDIA H100')",
      &expected));
  EXPECT_EQ(ToMessage(attempt).DebugString(), expected.DebugString());
}

TEST(StudyMessageTest, EveryFieldOfTheRowArrives) {
  Study study;
  study.id = {4};
  study.state = StudyState::kCompleted;
  study.completion = CompletionReason::kTargetReached;
  study.reason = "target";
  study.seed = 77;
  study.spec_revision = 3;
  study.revision = 30;
  study.created = absl::FromUnixSeconds(1);
  study.first_lease = absl::FromUnixSeconds(2);
  study.completed = absl::FromUnixSeconds(3);
  StudyCounts& counts = study.counts;
  counts.trials = 1;
  counts.configurations = 2;
  counts.pending = 3;
  counts.running = 4;
  counts.completed = 5;
  counts.stopped = 6;
  counts.failed = 7;
  counts.infeasible = 8;
  counts.measurements = 9;
  counts.steps = 10;
  counts.training_seconds = 11.5;
  v1::Study expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(id: 4 state: COMPLETED completion: TARGET_REACHED reason: 'target'
         counts {trials: 1 configurations: 2 pending: 3 running: 4 completed: 5
                 stopped: 6 failed: 7 infeasible: 8 measurements: 9 steps: 10
                 training_seconds: 11.5}
         revision: 30 spec_revision: 3 created {seconds: 1}
         first_lease {seconds: 2} completed {seconds: 3} seed: 77)",
      &expected));
  EXPECT_EQ(ToMessage(study).DebugString(), expected.DebugString());
}

// The enums of values and messages are converted by number.
TEST(EnumsTest, NumbersHaveTheSameNames) {
  for (int i = v1::Trial::State_MIN + 1; i <= v1::Trial::State_MAX; ++i) {
    const auto state = static_cast<TrialState>(i);
    EXPECT_EQ(ToText(state), v1::Trial::State_Name(ToMessage(state)));
  }
  for (int i = v1::Attempt::Outcome_MIN + 1; i <= v1::Attempt::Outcome_MAX;
       ++i) {
    const auto outcome = static_cast<AttemptOutcome>(i);
    EXPECT_EQ(ToText(outcome), v1::Attempt::Outcome_Name(ToMessage(outcome)));
  }
  for (int i = v1::Study::State_MIN + 1; i <= v1::Study::State_MAX; ++i) {
    const auto state = static_cast<StudyState>(i);
    EXPECT_EQ(ToText(state), v1::Study::State_Name(ToMessage(state)));
  }
  EXPECT_EQ(ToMessage(CompletionReason::kNone),
            v1::Study::COMPLETION_UNSPECIFIED);
  EXPECT_EQ(ToMessage(CompletionReason::kBudgetSpent), v1::Study::BUDGET_SPENT);
  EXPECT_EQ(ToMessage(CompletionReason::kTargetReached),
            v1::Study::TARGET_REACHED);
  EXPECT_EQ(ToMessage(CompletionReason::kSpaceExhausted),
            v1::Study::SPACE_EXHAUSTED);
  EXPECT_EQ(ToMessage(CompletionReason::kStoppedByUser),
            v1::Study::STOPPED_BY_USER);
  EXPECT_EQ(ToMessage(CompletionReason::kTooManyFailures),
            v1::Study::TOO_MANY_FAILURES);
}

TEST(EnumsTest, TrialStateFromOutside) {
  EXPECT_EQ(*ToTrialState(v1::Trial::INFEASIBLE), TrialState::kInfeasible);
  ExpectRefused(ToTrialState(v1::Trial::STATE_UNSPECIFIED).status(),
                "state: 0; PENDING, ");
  ExpectRefused(ToTrialState(static_cast<v1::Trial::State>(99)).status(),
                "state: 99; ");
}

TEST(TimestampTest, IsWithinWhatTheMessageAllows) {
  EXPECT_EQ(ToTimestamp(absl::InfiniteFuture()).seconds(), 253402300799);
  EXPECT_EQ(ToTimestamp(absl::InfinitePast()).seconds(), -62135596800);
  EXPECT_EQ(ToTimestamp(absl::FromUnixNanos(1'000'001'999)).nanos(), 1000);
}

// --- Seeds ------------------------------------------------------------------

TEST(TrialSeedTest, IsExactInADouble) {
  for (int64_t number = 0; number < 1000; ++number) {
    const uint64_t seed = TrialSeed(number * 0x9E3779B97F4A7C15, number);
    EXPECT_LT(seed, uint64_t{1} << 53);
    EXPECT_EQ(static_cast<uint64_t>(static_cast<double>(seed)), seed);
  }
}

TEST(TrialSeedTest, DiffersByStudyAndNumber) {
  std::set<uint64_t> seeds;
  for (uint64_t study = 0; study < 100; ++study) {
    for (int64_t number = 0; number < 100; ++number) {
      seeds.insert(TrialSeed(study, number));
    }
  }
  EXPECT_EQ(seeds.size(), 10'000u);
}

// Recorded trials depend on it: a change would alter what a seed means.
TEST(TrialSeedTest, NeverChanges) {
  EXPECT_EQ(TrialSeed(0, 0), 5876733520225071u);
  EXPECT_EQ(TrialSeed(7, 1), 1404168962897799u);
}

}  // namespace
}  // namespace assay
