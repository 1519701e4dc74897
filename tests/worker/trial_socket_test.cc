#include "worker/trial_socket.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/temporary_folder.h"
#include "tests/worker/trial_client.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr absl::Duration kLong = absl::Seconds(60);

std::string Report(int64_t step) {
  return absl::StrCat("{\"report\":{\"step\":", step,
                      ",\"metrics\":{\"loss\":0.5}}}\n");
}

class TrialSocketTest : public testing::Test {
 protected:
  TrialSocketTest()
      : socket_(*TrialSocket::Listen(loop_, folder_.File("s"),
                                     [this](TrialMessage message) {
                                       messages_.push_back(std::move(message));
                                       return refuse_;
                                     })) {}

  TrialClient Connect() { return TrialClient(loop_, socket_->path()); }
  int64_t StepOf(size_t i) const {
    return std::get<Measurement>(messages_[i]).step;
  }
  bool UntilTaken(size_t count) {
    return loop_.RunUntil([&] { return messages_.size() >= count; }, kLong);
  }

  const TemporaryFolder folder_;
  EventLoop loop_;
  std::vector<TrialMessage> messages_;
  absl::Status refuse_;
  std::unique_ptr<TrialSocket> socket_;
};

TEST_F(TrialSocketTest, AnswersEachLineByItsNumber) {
  TrialClient client = Connect();
  client.Send(Report(1));
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
  client.Send(Report(2) + Report(3));
  EXPECT_EQ(client.Line(), "{\"ack\":2}");
  EXPECT_EQ(client.Line(), "{\"ack\":3}");
  EXPECT_THAT(messages_, SizeIs(3));
}

TEST_F(TrialSocketTest, ABadLineIsExplainedAndTheNextOneTaken) {
  TrialClient client = Connect();
  client.Send("nonsense\n\n" + Report(1));
  EXPECT_THAT(client.Line(), HasSubstr("{\"error\":\"the line is not JSON"));
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
}

TEST_F(TrialSocketTest, ARefusedMessageIsExplainedAndNotCounted) {
  TrialClient client = Connect();
  refuse_ = absl::ResourceExhaustedError("too much");
  client.Send(Report(1));
  EXPECT_EQ(client.Line(), "{\"error\":\"too much\"}");
  refuse_ = absl::OkStatus();
  client.Send(Report(1));
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
}

TEST_F(TrialSocketTest, ALineAboveTheLimitIsLeftOut) {
  TrialClient client = Connect();
  client.Send(std::string(3 << 20, 'x').append("\n").append(Report(1)));
  EXPECT_THAT(client.Line(), HasSubstr("above 1 MiB"));
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
}

TEST_F(TrialSocketTest, SeveralConnectionsCountEachForItself) {
  TrialClient first = Connect();
  TrialClient second = Connect();
  first.Send(Report(1));
  EXPECT_EQ(first.Line(), "{\"ack\":1}");
  second.Send(Report(2));
  EXPECT_EQ(second.Line(), "{\"ack\":1}");
  first.Send(Report(3));
  EXPECT_EQ(first.Line(), "{\"ack\":2}");
}

TEST_F(TrialSocketTest, StopReachesEveryConnection) {
  TrialClient first = Connect();
  TrialClient second = Connect();
  first.Send(Report(1));
  EXPECT_EQ(first.Line(), "{\"ack\":1}");
  second.Send(Report(1));
  EXPECT_EQ(second.Line(), "{\"ack\":1}");
  socket_->Stop("median");
  EXPECT_EQ(first.Line(), "{\"stop\":\"median\"}");
  EXPECT_EQ(second.Line(), "{\"stop\":\"median\"}");
}

TEST_F(TrialSocketTest, ALaterConnectionIsToldToStopBeforeAnyAck) {
  socket_->Stop("median");
  TrialClient client = Connect();
  client.Send(Report(1));
  EXPECT_EQ(client.Line(), "{\"stop\":\"median\"}");
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
}

TEST_F(TrialSocketTest, TakesAHundredThousandReportsOfOneThatReadsNoAnswer) {
  TrialClient client = Connect();
  constexpr int64_t kReports = 100'000;
  std::string text;
  for (int64_t step = 1; step <= kReports; ++step) text += Report(step);
  ASSERT_TRUE(client.Send(text));
  ASSERT_TRUE(UntilTaken(kReports));
  EXPECT_EQ(StepOf(kReports - 1), kReports);
  // Many acks were replaced by later ones; the last is there.
  std::string last;
  do last = client.Line();
  while (last != absl::StrCat("{\"ack\":", kReports, "}") && !last.empty());
  EXPECT_EQ(last, "{\"ack\":100000}");
}

TEST_F(TrialSocketTest, WhilePausedTheTrialWaits) {
  TrialClient client = Connect();
  client.Send(Report(1));
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
  socket_->SetPaused(true);
  std::string rest;
  for (int64_t step = 2; step <= 50'000; ++step) rest += Report(step);
  size_t sent = 0;
  while (const size_t count = client.SendSome(rest.substr(sent))) sent += count;
  EXPECT_LT(sent, rest.size());  // The kernel's buffer is full.
  bool passed = false;
  loop_.After(absl::Milliseconds(5), [&] { passed = true; });
  ASSERT_TRUE(loop_.RunUntil([&] { return passed; }, kLong));
  EXPECT_THAT(messages_, SizeIs(1));
  socket_->SetPaused(false);
  ASSERT_TRUE(client.Send(rest.substr(sent)));
  EXPECT_TRUE(UntilTaken(50'000));
}

TEST_F(TrialSocketTest, DrainTakesWhatWasSentBeforeTheEnd) {
  TrialClient early = Connect();
  early.Send(Report(1));
  EXPECT_EQ(early.Line(), "{\"ack\":1}");
  socket_->SetPaused(true);
  early.SendSome(Report(2));
  early.Close();
  TrialClient never_accepted = Connect();
  never_accepted.SendSome(Report(3) + R"({"finish":{}})");
  never_accepted.Close();
  socket_->Drain();
  EXPECT_THAT(messages_, SizeIs(4));
  EXPECT_TRUE(std::holds_alternative<DeclaredEnd>(messages_.back()));
}

TEST_F(TrialSocketTest, GoesOnWhenConnectionsComeAndGo) {
  for (int64_t i = 1; i <= 2000; ++i) {
    TrialClient client = Connect();
    ASSERT_TRUE(client.connected()) << i;
    client.SendSome(Report(i));
    client.Close();
    ASSERT_TRUE(UntilTaken(static_cast<size_t>(i)));
  }
}

TEST_F(TrialSocketTest, APathAbove107BytesIsRefused) {
  const auto socket =
      TrialSocket::Listen(loop_, "/tmp/" + std::string(103, 'x'),
                          [](TrialMessage) { return absl::OkStatus(); });
  EXPECT_THAT(std::string(socket.status().message()),
              HasSubstr("108 bytes; 107 are allowed"));
}

// What a trial says of its checkpoint is answered when it has been copied.
class TrialSocketCheckpointTest : public testing::Test {
 protected:
  TrialSocketCheckpointTest()
      : socket_(*TrialSocket::Listen(
            loop_, folder_.File("s"),
            [this](TrialMessage message) {
              steps_.push_back(std::get<Measurement>(message).step);
              return absl::OkStatus();
            },
            [this](CheckpointNotice notice, TrialSocket::Answer answer) {
              notices_.push_back(notice.step);
              answer_ = std::move(answer);
            })) {}

  bool UntilAsked(size_t count) {
    return loop_.RunUntil([&] { return notices_.size() >= count; }, kLong);
  }

  const TemporaryFolder folder_;
  EventLoop loop_;
  std::vector<int64_t> steps_, notices_;
  TrialSocket::Answer answer_;
  std::unique_ptr<TrialSocket> socket_;
};

constexpr char kCheckpoint[] = "{\"checkpoint\":{\"step\":9}}\n";

TEST_F(TrialSocketCheckpointTest, LinesBehindItWaitForItsAnswer) {
  TrialClient client(loop_, socket_->path());
  client.Send(Report(1) + kCheckpoint + Report(2));
  ASSERT_TRUE(UntilAsked(1));
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
  EXPECT_THAT(steps_, testing::ElementsAre(1));
  TrialClient other(loop_, socket_->path());  // Others do not wait.
  other.Send(Report(5));
  EXPECT_EQ(other.Line(), "{\"ack\":1}");
  answer_(absl::OkStatus());
  EXPECT_EQ(client.Line(), "{\"ack\":2}");
  EXPECT_EQ(client.Line(), "{\"ack\":3}");
  EXPECT_THAT(steps_, testing::ElementsAre(1, 5, 2));
}

TEST_F(TrialSocketCheckpointTest, ARefusalIsToldAndTheNextLineTaken) {
  TrialClient client(loop_, socket_->path());
  client.Send(kCheckpoint + Report(2));
  ASSERT_TRUE(UntilAsked(1));
  answer_(absl::InvalidArgumentError("there is no file"));
  EXPECT_EQ(client.Line(), "{\"error\":\"there is no file\"}");
  EXPECT_EQ(client.Line(), "{\"ack\":1}");
}

TEST_F(TrialSocketCheckpointTest, WhoLeavesBeforeTheAnswerIsStillHeard) {
  TrialClient client(loop_, socket_->path());
  client.Send(kCheckpoint + Report(2));
  client.Close();
  ASSERT_TRUE(UntilAsked(1));
  answer_(absl::OkStatus());
  EXPECT_TRUE(loop_.RunUntil([&] { return steps_.size() == 1; }, kLong));
}

TEST_F(TrialSocketCheckpointTest, TheEndOfTheTrialWaitsForNoAnswer) {
  TrialClient client(loop_, socket_->path());
  client.Send(kCheckpoint + Report(2) + kCheckpoint + Report(3));
  ASSERT_TRUE(UntilAsked(1));
  socket_->Drain();
  EXPECT_THAT(steps_, testing::ElementsAre(2, 3));
  EXPECT_THAT(notices_, SizeIs(2));
  answer_(absl::OkStatus());
  socket_.reset();
  answer_(absl::OkStatus());  // Nobody hears it.
}

}  // namespace
}  // namespace assay
