#include "storage/commit_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <utility>
#include <vector>

#include "search/base/mutex.h"

namespace assay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Runs the bodies without a transaction, and can be told to hold on or fail.
class FakeConnection : public WriteConnection {
 public:
  bool CommitTogether(absl::Span<QueuedWrite> writes) override {
    MutexLock lock(mutex_);
    ++entered_;
    changed_.NotifyAll();
    while (let_go_ < entered_) changed_.Wait(mutex_);
    groups_.push_back(static_cast<int>(writes.size()));
    for (QueuedWrite& write : writes) write.status = answer_;
    health_ = next_health_;
    return answer_.ok();
  }
  absl::Status Health() const override {
    MutexLock lock(mutex_);
    return health_;
  }
  void TidyUp() override {}
  // Cannot be done at first.
  bool TidyUpWhenIdle() override {
    MutexLock lock(mutex_);
    ++idle_calls_;
    changed_.NotifyAll();
    return idle_calls_ == 2;
  }

  // Waits for the next group, which stays in the commit until it is let go.
  void WaitUntilEntered() {
    MutexLock lock(mutex_);
    while (entered_ <= let_go_) changed_.Wait(mutex_);
  }
  void LetGo() {
    MutexLock lock(mutex_);
    ++let_go_;
    changed_.NotifyAll();
  }
  void WaitForSecondIdleCall() {
    MutexLock lock(mutex_);
    while (idle_calls_ < 2) changed_.Wait(mutex_);
  }

  void AnswerWith(const absl::Status& answer, const absl::Status& health) {
    MutexLock lock(mutex_);
    answer_ = answer;
    next_health_ = health;
  }
  std::vector<int> groups() const {
    MutexLock lock(mutex_);
    return groups_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int entered_ ABSL_GUARDED_BY(mutex_) = 0;
  int let_go_ ABSL_GUARDED_BY(mutex_) = 0;
  int idle_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<int> groups_ ABSL_GUARDED_BY(mutex_);
  absl::Status answer_ ABSL_GUARDED_BY(mutex_);
  absl::Status next_health_ ABSL_GUARDED_BY(mutex_);
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
};

class CommitQueueTest : public testing::Test {
 protected:
  void Start(CommitQueue::Options options) {
    queue_.emplace(connection_, options);
  }
  void Write(size_t bytes = 1) {
    queue_->Write([](Transaction&) { return absl::OkStatus(); },
                  [this](const absl::Status& status) {
                    MutexLock lock(mutex_);
                    answers_.push_back(status.code());
                  },
                  bytes);
  }
  std::vector<absl::StatusCode> answers() {
    MutexLock lock(mutex_);
    return answers_;
  }

  FakeConnection connection_;
  Mutex mutex_;
  std::vector<absl::StatusCode> answers_ ABSL_GUARDED_BY(mutex_);
  std::optional<CommitQueue> queue_;
};

TEST_F(CommitQueueTest, WhatWaitsDuringACommitSharesTheNext) {
  Start({});
  Write();
  connection_.WaitUntilEntered();  // An idle writer starts at once.
  for (int i = 0; i < 5; ++i) Write();
  EXPECT_THAT(answers(), IsEmpty());
  connection_.LetGo();
  connection_.WaitUntilEntered();
  EXPECT_THAT(answers(), SizeIs(1));
  connection_.LetGo();
  queue_.reset();
  EXPECT_THAT(connection_.groups(), ElementsAre(1, 5));
  EXPECT_THAT(answers(), SizeIs(6));
}

TEST_F(CommitQueueTest, FullQueueRefusesOnTheCallersThread) {
  Start({.max_bytes = 100});
  Write(60);
  connection_.WaitUntilEntered();
  Write(40);
  Write(1);
  EXPECT_THAT(answers(), ElementsAre(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(queue_->Stats().queued_bytes, 100);
  connection_.LetGo();
  connection_.WaitUntilEntered();
  EXPECT_EQ(queue_->Stats().queued_bytes, 40);
  Write(60);
  connection_.LetGo();
  connection_.WaitUntilEntered();
  connection_.LetGo();
  queue_.reset();
  EXPECT_THAT(
      answers(),
      ElementsAre(absl::StatusCode::kResourceExhausted, absl::StatusCode::kOk,
                  absl::StatusCode::kOk, absl::StatusCode::kOk));
}

TEST_F(CommitQueueTest, FailedCommitFailsEveryWriteInTheGroup) {
  Start({});
  Write();
  connection_.WaitUntilEntered();
  for (int i = 0; i < 3; ++i) Write();
  connection_.LetGo();
  connection_.WaitUntilEntered();
  connection_.AnswerWith(absl::UnavailableError("full"), absl::OkStatus());
  connection_.LetGo();
  queue_.reset();
  EXPECT_THAT(answers(),
              ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kUnavailable,
                          absl::StatusCode::kUnavailable,
                          absl::StatusCode::kUnavailable));
}

TEST_F(CommitQueueTest, BrokenConnectionIsNeverAskedAgain) {
  Start({});
  connection_.AnswerWith(absl::UnavailableError("broken"),
                         absl::UnavailableError("broken"));
  std::promise<absl::Status> health;
  queue_->Write(
      [](Transaction&) { return absl::OkStatus(); },
      [&](const absl::Status&) { health.set_value(queue_->Health()); }, 1);
  connection_.WaitUntilEntered();
  connection_.LetGo();
  // Known before the first who hears of it.
  EXPECT_EQ(health.get_future().get(), absl::UnavailableError("broken"));
  for (int i = 0; i < 3; ++i) Write();
  queue_.reset();
  EXPECT_THAT(connection_.groups(), ElementsAre(1));
  EXPECT_THAT(answers(), SizeIs(3));
  EXPECT_THAT(answers(), Each(absl::StatusCode::kUnavailable));
}

TEST_F(CommitQueueTest, CountsOnlyWhatWasCommitted) {
  Start({});
  std::vector<int> observed;
  queue_->SetObserver(
      [&](absl::Duration, int writes) { observed.push_back(writes); });
  Write();
  connection_.WaitUntilEntered();
  Write();
  Write();
  connection_.LetGo();
  connection_.WaitUntilEntered();
  connection_.AnswerWith(absl::UnavailableError("full"), absl::OkStatus());
  Write();
  connection_.LetGo();
  connection_.WaitUntilEntered();
  EXPECT_EQ(queue_->Stats().commits, 1);
  EXPECT_EQ(queue_->Stats().writes, 1);
  connection_.LetGo();
  queue_.reset();
  EXPECT_THAT(observed, ElementsAre(1));
}

TEST_F(CommitQueueTest, IdleWorkIsTriedUntilItIsDone) {
  Start({.idle_after = absl::Milliseconds(1)});
  Write();
  connection_.WaitUntilEntered();
  connection_.LetGo();
  connection_.WaitForSecondIdleCall();
  EXPECT_THAT(connection_.groups(), ElementsAre(1));
}

}  // namespace
}  // namespace assay
