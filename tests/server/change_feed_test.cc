#include "server/change_feed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace assay {
namespace {

constexpr StudyId kStudy{1};

class ChangeFeedTest : public ::testing::Test {
 protected:
  ChangeFeed::Callback Count() {
    return [this] { ++calls_; };
  }

  ChangeFeed feed_;
  std::atomic<int> calls_ = 0;
};

TEST_F(ChangeFeedTest, CallsOnceWhenTheRevisionIsAboveTheSeenOne) {
  EXPECT_NE(feed_.Await(kStudy, 4, Count()), 0);
  feed_.Publish(kStudy, 4);
  EXPECT_EQ(calls_, 0);
  feed_.Publish(kStudy, 5);
  EXPECT_EQ(calls_, 1);
  feed_.Publish(kStudy, 6);
  EXPECT_EQ(calls_, 1);
}

TEST_F(ChangeFeedTest, CallsAtOnceIfTheRevisionIsKnownToBeAbove) {
  feed_.Publish(kStudy, 5);
  EXPECT_EQ(feed_.Await(kStudy, 4, Count()), 0);
  EXPECT_EQ(calls_, 1);
}

TEST_F(ChangeFeedTest, AnOlderRevisionThatComesLateTakesNothingBack) {
  feed_.Publish(kStudy, 5);
  feed_.Publish(kStudy, 3);
  feed_.Await(kStudy, 4, Count());
  EXPECT_EQ(calls_, 1);
}

TEST_F(ChangeFeedTest, OtherStudiesWakeNobody) {
  feed_.Await(kStudy, 0, Count());
  feed_.Publish(StudyId{2}, 9);
  EXPECT_EQ(calls_, 0);
}

TEST_F(ChangeFeedTest, CancelledIsNotCalled) {
  const ChangeFeed::Ticket ticket = feed_.Await(kStudy, 0, Count());
  EXPECT_TRUE(feed_.Cancel(kStudy, ticket));
  feed_.Publish(kStudy, 1);
  EXPECT_EQ(calls_, 0);
}

TEST_F(ChangeFeedTest, CancelSaysThatItCameTooLate) {
  const ChangeFeed::Ticket ticket = feed_.Await(kStudy, 0, Count());
  feed_.Publish(kStudy, 1);
  EXPECT_FALSE(feed_.Cancel(kStudy, ticket));
  EXPECT_FALSE(feed_.Cancel(StudyId{2}, ticket));
}

TEST_F(ChangeFeedTest, ACallbackMayWaitAgain) {
  feed_.Await(kStudy, 0, [&] { feed_.Await(kStudy, 1, Count()); });
  feed_.Publish(kStudy, 1);
  EXPECT_EQ(calls_, 0);
  feed_.Publish(kStudy, 2);
  EXPECT_EQ(calls_, 1);
}

TEST_F(ChangeFeedTest, EachWaiterIsCalledOrCancelledWhateverTheOrder) {
  constexpr int kWaiters = 1000;
  int cancelled = 0;
  std::thread publisher([&] {
    for (int i = 1; i <= kWaiters; ++i) feed_.Publish(kStudy, i);
  });
  for (int i = 0; i < kWaiters; ++i) {
    const ChangeFeed::Ticket ticket = feed_.Await(kStudy, i, Count());
    if (feed_.Cancel(kStudy, ticket)) ++cancelled;
  }
  publisher.join();
  EXPECT_EQ(calls_ + cancelled, kWaiters);
}

}  // namespace
}  // namespace assay
