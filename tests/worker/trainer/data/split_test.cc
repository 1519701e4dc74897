#include "worker/trainer/data/split.h"

#include <algorithm>
#include <ranges>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

DataConfig Config() {
  DataConfig config;
  config.validation.examples = 20;
  config.split_seed = 7;
  return config;
}

const Share kTenth = {.examples = std::nullopt, .fraction = 0.1};

Split Valid(const DataConfig& config, const std::optional<Share>& test) {
  const auto split = MakeSplit(100, config, test);
  EXPECT_TRUE(split.ok()) << split.error().message;
  return *split;
}

TEST(SplitTest, EveryRowIsInOnePart) {
  const Split split = Valid(Config(), kTenth);
  EXPECT_EQ(split.train.size(), 70U);
  EXPECT_EQ(split.validation.size(), 20U);
  EXPECT_EQ(split.test.size(), 10U);
  std::set<int64_t> rows(split.train.begin(), split.train.end());
  rows.insert(split.validation.begin(), split.validation.end());
  rows.insert(split.test.begin(), split.test.end());
  EXPECT_EQ(rows.size(), 100U);
}

TEST(SplitTest, SameSeedSameSplitOtherSeedOtherSplit) {
  DataConfig config = Config();
  const Split first = Valid(config, kTenth);
  const Split again = Valid(config, kTenth);
  EXPECT_EQ(first.train, again.train);
  EXPECT_EQ(first.validation, again.validation);
  EXPECT_EQ(first.test, again.test);
  config.split_seed = 8;
  EXPECT_NE(first.validation, Valid(config, kTenth).validation);
}

TEST(SplitTest, TrainingOnLessChangesNothingElse) {
  DataConfig config = Config();
  const Split all = Valid(config, kTenth);
  config.train_examples = 30;
  const Split few = Valid(config, kTenth);
  EXPECT_EQ(few.test, all.test);
  EXPECT_EQ(few.validation, all.validation);
  ASSERT_EQ(few.train.size(), 30U);
  EXPECT_TRUE(std::ranges::equal(few.train, all.train | std::views::take(30)));
}

TEST(SplitTest, WithoutTestShareNothingIsCutOff) {
  EXPECT_TRUE(Valid(Config(), std::nullopt).test.empty());
}

TEST(SplitTest, PartsThatLeaveNothingAreRefused) {
  DataConfig config = Config();
  config.validation.examples = 100;
  EXPECT_THAT(MakeSplit(100, config, std::nullopt).error().message,
              HasSubstr("data.validation_examples: 100 of 100 examples leave "
                        "none to train on; allowed: 1 to 99"));
  config = Config();
  config.train_examples = 81;
  EXPECT_THAT(MakeSplit(100, config, std::nullopt).error().message,
              HasSubstr("data.train_examples: 81 is more than validation and "
                        "test leave; allowed: 1 to 80"));
}

}  // namespace
}  // namespace assay
