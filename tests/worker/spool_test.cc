#include "worker/spool.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr AttemptKey kKey = {12, 1};
constexpr int64_t kRoomy = int64_t{64} << 20;

v1::Measurement Step(int64_t step) {
  v1::Measurement measurement;
  measurement.set_step(step);
  (*measurement.mutable_metrics())["loss"] = 0.5;
  return measurement;
}

v1::Acknowledgement Ack(int32_t attempt, int64_t sequence, int64_t offset,
                        bool finished = false) {
  v1::Acknowledgement ack;
  ack.set_trial_id(12);
  ack.set_attempt(attempt);
  ack.set_through_sequence(sequence);
  ack.set_through_offset(offset);
  ack.set_finished(finished);
  return ack;
}

std::vector<int64_t> StepsIn(const std::optional<v1::WorkerMessage>& message) {
  std::vector<int64_t> steps;
  if (!message.has_value()) return steps;
  for (const auto& m : message->measurements().measurements()) {
    steps.push_back(m.step());
  }
  return steps;
}

std::vector<int64_t> SequencesIn(
    const std::optional<v1::WorkerMessage>& message) {
  std::vector<int64_t> sequences;
  if (!message.has_value()) return sequences;
  for (const auto& m : message->measurements().measurements()) {
    sequences.push_back(m.sequence());
  }
  return sequences;
}

TEST(SpoolTest, BatchesWhatWaitsUnderRisingSequences) {
  Spool spool(kRoomy);
  EXPECT_TRUE(spool.Open(kKey));
  EXPECT_FALSE(spool.Open(kKey));
  for (int64_t step : {5, 6, 6}) spool.AddMeasurement(kKey, Step(step));
  const auto message = spool.Next();
  EXPECT_THAT(StepsIn(message), ElementsAre(5, 6, 6));
  EXPECT_THAT(SequencesIn(message), ElementsAre(1, 2, 3));
  EXPECT_FALSE(spool.Next().has_value());
}

TEST(SpoolTest, AfterABreakSendsWhatWasNotAcknowledgedAgainAsItWas) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  for (int64_t step = 1; step <= 3; ++step) {
    spool.AddMeasurement(kKey, Step(step));
  }
  spool.Next();
  spool.Acknowledge(Ack(1, 1, 0));
  spool.Rewind();
  const auto message = spool.Next();
  EXPECT_THAT(StepsIn(message), ElementsAre(2, 3));
  EXPECT_THAT(SequencesIn(message), ElementsAre(2, 3));
}

TEST(SpoolTest, AFinishComesAfterItsMeasurementsAndItsOutput) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  spool.AddOutput(kKey, "bye");
  spool.AddMeasurement(kKey, Step(1));
  spool.AddFinish(kKey, v1::Finish());
  EXPECT_TRUE(spool.Next()->has_measurements());
  EXPECT_EQ(spool.Next()->log().data(), "bye");
  const auto finish = spool.Next();
  EXPECT_EQ(finish->finish().trial_id(), 12);
  EXPECT_EQ(finish->finish().attempt(), 1);
  EXPECT_FALSE(spool.Next().has_value());
}

TEST(SpoolTest, IsHeldUntilItsFinishIsAcknowledged) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  spool.AddFinish(kKey, v1::Finish());
  spool.Next();
  EXPECT_EQ(spool.Held().size(), 1U);
  EXPECT_EQ(spool.Acknowledge(Ack(1, 0, 0, true)), kKey);
  EXPECT_THAT(spool.Held(), IsEmpty());
  EXPECT_TRUE(spool.empty());
  EXPECT_EQ(spool.bytes(), 0);
}

TEST(SpoolTest, TheSlotIsToldFromItsStartToItsFinish) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  EXPECT_EQ(spool.Held()[0].slot(), 0);
  spool.SetSlot(kKey, 3);
  spool.SetSlot({99, 1}, 1);  // Forgotten meanwhile.
  EXPECT_EQ(spool.Held()[0].slot(), 3);
  spool.Renumber(kKey, 2);
  EXPECT_EQ(spool.Held()[0].slot(), 3);
  spool.AddFinish(kKey, v1::Finish());
  EXPECT_EQ(spool.Next()->finish().slot(), 3);
  spool.Acknowledge(Ack(2, 0, 0, /*finished=*/true));
  EXPECT_EQ(spool.bytes(), 0);
}

TEST(SpoolTest, OutputIsCutInPiecesByOffset) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  spool.AddOutput(kKey, std::string(100'000, 'x'));
  auto first = spool.NextOutput();
  EXPECT_EQ(first->log().offset(), 0);
  EXPECT_EQ(first->log().data().size(), 65536U);
  auto second = spool.NextOutput();
  EXPECT_EQ(second->log().offset(), 65536);
  EXPECT_FALSE(spool.NextOutput().has_value());
  spool.Acknowledge(Ack(1, 0, 65536));
  spool.Rewind();
  EXPECT_EQ(spool.NextOutput()->log().offset(), 65536);
  // A piece on its way is never changed: its offset is its key.
  spool.AddOutput(kKey, "more");
  EXPECT_EQ(spool.NextOutput()->log().offset(), 100'000);
}

TEST(SpoolTest, OutputThatComesTooFastLosesItsOldest) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  for (int i = 0; i < 100; ++i) spool.AddOutput(kKey, std::string(65536, 'x'));
  EXPECT_LE(spool.bytes(), 1 << 20);
  EXPECT_GE(spool.NextOutput()->log().offset(), 80 * 65536);
}

TEST(SpoolTest, FullDropsOutputFirstThenEverySecondMeasurement) {
  Spool spool(20'000);
  spool.Open(kKey);
  spool.AddOutput(kKey, std::string(10'000, 'x'));
  int64_t step = 0;
  while (spool.HasOutput()) spool.AddMeasurement(kKey, Step(++step));
  EXPECT_EQ(spool.Waiting(kKey), static_cast<size_t>(step));
  while (spool.Waiting(kKey) == static_cast<size_t>(step)) {
    spool.AddMeasurement(kKey, Step(++step));
  }
  EXPECT_LE(spool.bytes(), 20'000);
  const auto message = spool.Next();
  const std::vector<int64_t> steps = StepsIn(message);
  EXPECT_EQ(steps.back(), step);  // The newest stays.
  EXPECT_EQ(steps[steps.size() - 2], step - 2);
  EXPECT_EQ(SequencesIn(message).back(), static_cast<int64_t>(steps.size()));
}

TEST(SpoolTest, ThinningLeavesWhatWasSentAlone) {
  Spool spool(10'000);
  spool.Open(kKey);
  for (int64_t step = 1; step <= 10; ++step) {
    spool.AddMeasurement(kKey, Step(step));
  }
  spool.Next();
  spool.Rewind();
  for (int64_t step = 11; step <= 2000; ++step) {
    spool.AddMeasurement(kKey, Step(step));
  }
  EXPECT_LE(spool.bytes(), 10'000);
  const auto sequences = SequencesIn(spool.Next());
  for (size_t i = 0; i < sequences.size(); ++i) {
    EXPECT_EQ(sequences[i], static_cast<int64_t>(i) + 1);
  }
}

TEST(SpoolTest, AFinishIsNeverDropped) {
  Spool spool(100);
  spool.Open(kKey);
  v1::Finish finish;
  finish.set_reason(std::string(1000, 'x'));
  spool.AddFinish(kKey, finish);
  spool.AddOutput(kKey, std::string(1000, 'x'));
  EXPECT_EQ(spool.Next()->finish().reason().size(), 1000U);
}

TEST(SpoolTest, UnderANewNumberTheWholeCurveIsSentAgain) {
  Spool spool(kRoomy);
  spool.Open(kKey);
  for (int64_t step = 1; step <= 3; ++step) {
    spool.AddMeasurement(kKey, Step(step));
  }
  spool.Next();
  spool.Acknowledge(Ack(1, 2, 0));
  EXPECT_EQ(spool.NumberOf(kKey), 1);
  spool.Renumber(kKey, 2);
  EXPECT_EQ(spool.NumberOf(kKey), 2);
  EXPECT_EQ(spool.Find(12, 1), std::nullopt);
  EXPECT_EQ(spool.Find(12, 2), kKey);
  const auto message = spool.Next();
  EXPECT_EQ(message->measurements().attempt(), 2);
  EXPECT_THAT(SequencesIn(message), ElementsAre(1, 2, 3));
  EXPECT_EQ(spool.Held()[0].attempt(), 2);
}

TEST(SpoolTest, AttemptsTakeTurns) {
  Spool spool(kRoomy);
  spool.Open({1, 1});
  spool.Open({2, 1});
  for (int64_t step = 1; step <= 1500; ++step) {
    spool.AddMeasurement({1, 1}, Step(step));
  }
  spool.AddMeasurement({2, 1}, Step(1));
  EXPECT_EQ(spool.Next()->measurements().trial_id(), 1);
  EXPECT_EQ(spool.Next()->measurements().trial_id(), 2);
  EXPECT_EQ(spool.Next()->measurements().trial_id(), 1);
}

TEST(SpoolTest, WhatIsNotHereIsNothing) {
  Spool spool(kRoomy);
  spool.AddMeasurement(kKey, Step(1));
  spool.AddOutput(kKey, "x");
  spool.AddFinish(kKey, v1::Finish());
  spool.Forget(kKey);
  spool.Renumber(kKey, 2);
  EXPECT_EQ(spool.NumberOf(kKey), kKey.attempt);
  EXPECT_EQ(spool.Acknowledge(Ack(1, 0, 0, true)), std::nullopt);
  EXPECT_FALSE(spool.Next().has_value());
}

}  // namespace
}  // namespace assay
