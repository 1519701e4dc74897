#include "worker/event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::ElementsAre;

constexpr absl::Duration kLong = absl::Seconds(30);

TEST(EventLoopTest, RunsTasksOfOtherThreadsInTheirOrder) {
  EventLoop loop;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) loop.Post([&order, i] { order.push_back(i); });
    loop.Post([&] { loop.Quit(); });
  });
  loop.Run();
  other.join();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(EventLoopTest, FiresTimersByTimeAndNotThoseCancelled) {
  EventLoop loop;
  std::vector<int> order;
  loop.After(absl::Milliseconds(20), [&] { order.push_back(2); });
  loop.After(absl::Milliseconds(1), [&] { order.push_back(1); });
  loop.Cancel(loop.After(absl::Milliseconds(5), [&] { order.push_back(9); }));
  EXPECT_TRUE(loop.RunUntil([&] { return order.size() == 2; }, kLong));
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(EventLoopTest, UnwatchedIsNotCalledEvenIfReady) {
  EventLoop loop;
  std::array<int, 2> ends;
  ASSERT_EQ(pipe(ends.data()), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  bool called = false;
  const auto watch =
      loop.Watch(ends[0], EPOLLIN, [&](uint32_t) { called = true; });
  loop.Unwatch(watch);
  bool done = false;
  loop.After(absl::Milliseconds(1), [&] { done = true; });
  EXPECT_TRUE(loop.RunUntil([&] { return done; }, kLong));
  EXPECT_FALSE(called);
  close(ends[0]);
  close(ends[1]);
}

TEST(EventLoopTest, RunUntilGivesUpAtItsLimit) {
  EventLoop loop;
  EXPECT_FALSE(loop.RunUntil([] { return false; }, absl::Milliseconds(1)));
}

}  // namespace
}  // namespace assay
