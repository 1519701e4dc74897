#include "worker/trainer/checkpoint_header.h"

#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Configuration Config(const char* text) {
  const auto config = ReadConfiguration(json::parse(text), json::object());
  EXPECT_TRUE(config.ok()) << config.error().message;
  return *config;
}

CheckpointHeader Header(const Configuration& config) {
  return {.identity = IdentityOf(config),
          .optimizer = "sgd",
          .device = "cpu",
          .train_examples = 100,
          .position = {.epoch = 3,
                       .examples = 17,
                       .seconds = 0.1 + 0.2,
                       .step = 2,
                       .order = {~uint64_t{0}, 1, 2, uint64_t{1} << 63},
                       .loss_sum = 1.0 / 3,
                       .train_loss = std::numeric_limits<double>::infinity(),
                       .learning_rate = 1e-300,
                       .examples_per_second = 5}};
}

TEST(CheckpointHeaderTest, ComesBackBitByBit) {
  const CheckpointHeader header = Header(Config("{}"));
  const auto read = ParseHeader(HeaderText(header));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->identity, header.identity);
  EXPECT_EQ(read->optimizer, "sgd");
  EXPECT_EQ(read->device, "cpu");
  EXPECT_EQ(read->train_examples, 100);
  EXPECT_EQ(read->position.epoch, 3);
  EXPECT_EQ(read->position.examples, 17);
  EXPECT_EQ(read->position.seconds, 0.1 + 0.2);
  EXPECT_EQ(read->position.step, 2);
  EXPECT_EQ(read->position.order, header.position.order);
  EXPECT_EQ(read->position.loss_sum, 1.0 / 3);
  EXPECT_TRUE(std::isnan(read->position.train_loss));  // JSON has no infinity.
  EXPECT_EQ(read->position.learning_rate, 1e-300);
  EXPECT_EQ(read->position.examples_per_second, 5);
}

TEST(CheckpointHeaderTest, TextsOfOthersAreRefused) {
  for (const char* text : {"", "[]", "{}", R"({"format": 1})"}) {
    const auto read = ParseHeader(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message, HasSubstr("header is broken")) << text;
  }
  EXPECT_THAT(ParseHeader(R"({"format": 2})").error().message,
              HasSubstr("has format 2; this trainer reads 1"));
}

TEST(CheckpointHeaderTest, WhatSteersATrainingMayChange) {
  const CheckpointHeader header = Header(Config("{}"));
  const Configuration other = Config(R"({
      "optimizer": {"name": "sgd", "learning_rate": 0.5, "momentum": 0.5},
      "regularization": {"l1": 0.1}, "schedule": {"name": "cosine"},
      "model": {"dropout": 0.5}, "batch_size": 3, "epochs": 7, "seed": 1,
      "threads": 2, "divergence": "continue",
      "checkpoint": {"every_seconds": 1}, "data": {"train_examples": 9}})");
  EXPECT_TRUE(CheckContinues(header, other).ok());
}

TEST(CheckpointHeaderTest, WhatIsLearnedOnAndByWhatMayNot) {
  const CheckpointHeader header = Header(Config("{}"));
  const auto refusal = [&](const char* text) {
    const Done done = CheckContinues(header, Config(text));
    if (done.ok()) return std::string();
    EXPECT_EQ(done.error().kind, ErrorKind::kConfiguration);
    return done.error().message;
  };
  EXPECT_THAT(refusal(R"({"model": {"name": "cnn"}})"), HasSubstr("model."));
  EXPECT_THAT(refusal(R"({"model": {"batch_norm": true}})"),
              HasSubstr("model.batch_norm: the checkpoint to resume is of "
                        "false, this trial has true"));
  EXPECT_THAT(refusal(R"({"data": {"standardize": false}})"),
              HasSubstr("data.standardize"));
  EXPECT_THAT(refusal(R"({"data": {"validation_examples": 10}})"),
              HasSubstr("data.validation"));
  EXPECT_THAT(refusal(R"({"data": {"name": "synthetic"}})"),
              HasSubstr("data.name: the checkpoint to resume is of "
                        "\"fashion-mnist\", this trial has \"synthetic\""));
}

}  // namespace
}  // namespace assay
