#include "worker/trainer/standby.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/trainer/termination.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

class StandbyTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(ends_), 0); }
  void TearDown() override {
    close(ends_[0]);
    CloseInput();
  }

  void Write(const std::string& text) const {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  void CloseInput() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  int ends_[2] = {-1, -1};
};

TEST_F(StandbyTest, TakesOneLine) {
  Write("{\"trial\":\"/t\",\"socket\":\"/s\",");
  Write("\"directory\":\"/d\",\"log\":{},");
  Write("\"resume\":\"/r\",\"checkpoint\":\"/c\"}\nmore");
  const auto order = AwaitOrder(ends_[0]);
  ASSERT_TRUE(order.ok()) << order.error().message;
  ASSERT_TRUE(order->has_value());
  EXPECT_EQ((*order)->trial, "/t");
  EXPECT_EQ((*order)->socket, "/s");
  EXPECT_EQ((*order)->directory, "/d");
  EXPECT_EQ((*order)->resume, "/r");
  EXPECT_EQ((*order)->checkpoint, "/c");
}

TEST_F(StandbyTest, EndOfInputIsNoOrder) {
  CloseInput();
  const auto order = AwaitOrder(ends_[0]);
  ASSERT_TRUE(order.ok());
  EXPECT_FALSE(order->has_value());
}

TEST_F(StandbyTest, OrdersThatNameNoTrialAreRefused) {
  for (const std::string bad : {"", "nonsense", "[]", "{}", "{\"trial\":3}"}) {
    EXPECT_FALSE(ParseOrder(bad).ok()) << bad;
  }
  EXPECT_THAT(ParseOrder("{}").error().message, HasSubstr("names no file"));
}

using StandbyDeathTest = StandbyTest;

TEST_F(StandbyDeathTest, TerminationEndsTheWait) {
  EXPECT_EXIT(
      {
        CatchTermination();
        raise(SIGTERM);
        const auto order = AwaitOrder(ends_[0]);
        std::exit(order.ok() && !order->has_value() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace assay
