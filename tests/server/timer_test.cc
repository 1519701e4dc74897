#include "server/timer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/later.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

class TimerTest : public ::testing::Test {
 protected:
  // Until the timer ran what is due.
  void RunDue() {
    Later<bool> due;
    timer_.After(absl::ZeroDuration(),
                 [called = due.Callback()]() mutable { called(true); });
    due.Get();
  }

  Executor::Task Note(int what) {
    return [this, what] { notes_.push_back(what); };
  }

  FakeClock clock_;
  std::vector<int> notes_;  // Written by the timer's thread.
  Timer timer_{clock_};
};

TEST_F(TimerTest, RunsNothingBeforeItsTime) {
  timer_.After(absl::Seconds(10), Note(1));
  clock_.Advance(absl::Seconds(9));
  RunDue();
  EXPECT_THAT(notes_, ElementsAre());
  clock_.Advance(absl::Seconds(1));
  RunDue();
  EXPECT_THAT(notes_, ElementsAre(1));
}

TEST_F(TimerTest, RunsByTimeThenByCall) {
  timer_.After(absl::Seconds(2), Note(3));
  timer_.After(absl::Seconds(1), Note(1));
  timer_.After(absl::Seconds(1), Note(2));
  clock_.Advance(absl::Seconds(5));
  RunDue();
  EXPECT_THAT(notes_, ElementsAre(1, 2, 3));
}

TEST_F(TimerTest, RunsAgainEveryPeriod) {
  timer_.Every(absl::Seconds(1), [this] { notes_.push_back(1); });
  RunDue();
  EXPECT_THAT(notes_, ElementsAre());
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(absl::Seconds(1));
    RunDue();
  }
  EXPECT_THAT(notes_, ElementsAre(1, 1, 1));
}

TEST_F(TimerTest, RunsNothingOnceStopped) {
  timer_.After(absl::Seconds(1), Note(1));
  timer_.Stop();
  clock_.Advance(absl::Seconds(1));
  timer_.After(absl::ZeroDuration(), Note(2));
  timer_.Stop();
  EXPECT_THAT(notes_, ElementsAre());
}

TEST_F(TimerTest, ATaskMayOrderAnother) {
  Later<bool> second;
  timer_.After(absl::ZeroDuration(), [&] {
    timer_.After(absl::ZeroDuration(),
                 [called = second.Callback()]() mutable { called(true); });
  });
  EXPECT_TRUE(second.Get());
}

TEST(TimerOfTheMachineTest, WakesByItself) {
  Timer timer(SystemClock());
  Later<bool> due;
  timer.After(absl::Milliseconds(1),
              [called = due.Callback()]() mutable { called(true); });
  EXPECT_TRUE(due.Get());
}

TEST(TimerOfTheMachineTest, AnEarlierTaskOvertakesALaterOne) {
  Timer timer(SystemClock());
  Later<bool> due;
  timer.After(absl::Hours(1), [] {});
  timer.After(absl::Milliseconds(1),
              [called = due.Callback()]() mutable { called(true); });
  EXPECT_TRUE(due.Get());
}

}  // namespace
}  // namespace assay
