#include "server/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "server/thread_pool.h"
#include "tests/support/later.h"
#include "tests/support/watched_pool.h"

namespace assay {
namespace {

TEST(StrandTest, RunsTasksInTheOrderOfTheCalls) {
  std::vector<int> order;  // Guarded by the strand.
  WatchedPool pool(4);
  Strand strand(pool);
  for (int i = 0; i < 1000; ++i) {
    strand.Post([&order, i] { order.push_back(i); });
  }
  pool.WaitUntilIdle();
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(StrandTest, RunsOneTaskAtATimeWhoeverPosts) {
  int sum = 0;  // Guarded by the strand: TSan would see two at once.
  WatchedPool pool(4);
  Strand strand(pool);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) strand.Post([&sum] { ++sum; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  pool.WaitUntilIdle();
  EXPECT_EQ(sum, 2000);
}

TEST(StrandTest, GivesOthersTheirTurn) {
  WatchedPool pool(1);
  Strand strand(pool);
  std::vector<int> order;  // Written by the pool's one thread.
  Later<bool> all_posted;
  pool.Post([&] { all_posted.Get(); });
  for (int i = 0; i < 100; ++i) strand.Post([&order] { order.push_back(0); });
  pool.Post([&order] { order.push_back(1); });
  all_posted.Callback()(true);
  pool.WaitUntilIdle();
  ASSERT_EQ(order.size(), 101u);
  EXPECT_EQ(order.back(), 0);
}

TEST(StrandTest, ATaskMayPostAnother) {
  WatchedPool pool(2);
  Strand strand(pool);
  Later<int> result;
  strand.Post([&] {
    strand.Post([called = result.Callback()]() mutable { called(2); });
  });
  EXPECT_EQ(result.Get(), 2);
  pool.WaitUntilIdle();
}

TEST(StrandTest, TheLastTaskMayHoldTheStrandsOwner) {
  struct Owner {
    explicit Owner(Executor& executor) : strand(executor) {}
    Strand strand;
  };
  WatchedPool pool(2);
  for (int i = 0; i < 100; ++i) {
    auto owner = std::make_shared<Owner>(pool);
    Owner& strand_of = *owner;
    strand_of.strand.Post([owner] {});
    owner = nullptr;
  }
  pool.WaitUntilIdle();
}

}  // namespace
}  // namespace assay
