#include "worker/attempt_end.h"

#include <csignal>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using Kind = AttemptEnd::Kind;

AttemptRecord Reported() {
  AttemptRecord record;
  record.objectives = {"loss"};
  record.last_metrics = {{"loss", 0.5}};
  return record;
}

TEST(AttemptEndTest, ExitZeroWithEveryObjectiveIsCompleted) {
  EXPECT_EQ(Conclude(Reported()).kind, Kind::kCompleted);
}

TEST(AttemptEndTest, ExitZeroWithoutAnObjectiveSaysWhatIsMissing) {
  AttemptRecord record = Reported();
  record.objectives = {"loss", "accuracy"};
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.reason, "exit code 0 without reporting \"accuracy\"");
}

TEST(AttemptEndTest, AnotherExitCodeIsFailedWithTheEndOfStderr) {
  AttemptRecord record = Reported();
  record.process = {.code = 3, .error_tail = "ValueError: no\n"};
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.reason, "exit code 3\nValueError: no");
}

TEST(AttemptEndTest, ExitCode78IsFatal) {
  AttemptRecord record = Reported();
  record.process = {.code = 78, .error_tail = "unknown key \"lrr\""};
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kFatal);
  EXPECT_EQ(end.reason, "exit code 78\nunknown key \"lrr\"");
}

TEST(AttemptEndTest, ASignalIsFailedAndNamed) {
  AttemptRecord record = Reported();
  record.process = {.by_signal = true, .code = SIGSEGV, .error_tail = ""};
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.reason, "signal 11 (Segmentation fault)");
}

TEST(AttemptEndTest, OnceToldToStopAnyEndIsStopped) {
  AttemptRecord record = Reported();
  record.stop_reason = "median rule";
  record.process = {.by_signal = true, .code = SIGKILL, .error_tail = ""};
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kStopped);
  EXPECT_EQ(end.reason, "median rule");
}

TEST(AttemptEndTest, ADeclaredResultCountsHoweverTheProcessEnds) {
  AttemptRecord record = Reported();
  record.last_metrics.clear();
  record.declared = DeclaredEnd{.reason = "", .metrics = {{"loss", 0.25}}};
  record.process = {.by_signal = true, .code = SIGSEGV, .error_tail = ""};
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kCompleted);
  EXPECT_EQ(end.metrics, (Metrics{{"loss", 0.25}}));
}

TEST(AttemptEndTest, ADeclaredResultWithoutObjectivesIsFailed) {
  AttemptRecord record;
  record.objectives = {"loss"};
  record.declared = DeclaredEnd();
  const AttemptEnd end = Conclude(record);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.reason, "finished as COMPLETED without reporting \"loss\"");
}

TEST(AttemptEndTest, InfeasibleAndFailedAreTakenAsDeclared) {
  AttemptRecord record = Reported();
  record.declared = DeclaredEnd{.state = DeclaredEnd::State::kInfeasible,
                                .reason = "no such network",
                                .metrics = {}};
  EXPECT_EQ(Conclude(record).kind, Kind::kInfeasible);
  EXPECT_EQ(Conclude(record).reason, "no such network");
  record.declared->state = DeclaredEnd::State::kFailed;
  EXPECT_EQ(Conclude(record).kind, Kind::kFailed);
}

TEST(AttemptEndTest, TheTimeLimitIsFatalWhateverTheProgramSaysOnSigterm) {
  AttemptRecord record = Reported();
  record.ended_by = EndedBy::kTimeLimit;
  record.limit = "wall-time limit of 5 s";
  record.declared = DeclaredEnd{.state = DeclaredEnd::State::kStopped,
                                .reason = "SIGTERM",
                                .metrics = {}};
  EXPECT_EQ(Conclude(record).kind, Kind::kFatal);
  EXPECT_EQ(Conclude(record).reason, "wall-time limit of 5 s");
}

TEST(AttemptEndTest, HandedBackUnlessItHadItsResult) {
  AttemptRecord record = Reported();
  record.ended_by = EndedBy::kHandBack;
  EXPECT_EQ(Conclude(record).kind, Kind::kHandedBack);
  record.declared = DeclaredEnd();
  EXPECT_EQ(Conclude(record).kind, Kind::kCompleted);
}

TEST(AttemptEndTest, TheScratchLimitIsFailed) {
  AttemptRecord record = Reported();
  record.ended_by = EndedBy::kScratchLimit;
  record.limit = "too much";
  EXPECT_EQ(Conclude(record).kind, Kind::kFailed);
}

}  // namespace
}  // namespace assay
