#include "server/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "tests/support/later.h"

namespace assay {
namespace {

TEST(ThreadPoolTest, RunsTasksOnSeveralThreads) {
  Later<int> first, second;
  ThreadPool pool(2);
  // Each waits for the other.
  pool.Post([&] {
    first.Callback()(1);
    second.Get();
  });
  pool.Post([&] {
    second.Callback()(2);
    first.Get();
  });
  EXPECT_EQ(first.Get() + second.Get(), 3);
}

TEST(ThreadPoolTest, RunsEverythingBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(3);
    for (int i = 0; i < 100; ++i) pool.Post([&] { ++done; });
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPoolTest, RunsWhatTasksPostBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(2);
    pool.Post([&] { pool.Post([&] { ++done; }); });
  }
  EXPECT_EQ(done, 1);
}

TEST(ThreadPoolTest, ForgetsWhatIsPostedOnceItStopped) {
  ThreadPool pool(2);
  auto held = std::make_shared<int>(1);
  pool.Stop();
  pool.Post([held] { ++*held; });
  pool.Stop();
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace assay
