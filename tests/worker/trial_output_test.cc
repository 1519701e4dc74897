#include "worker/trial_output.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

TEST(TrialOutputTest, KeepsTheBeginningAndTheEnd) {
  const TemporaryFolder folder;
  const std::string path = folder.File("1-1");
  TrialOutput output(path, {.head = 4, .part = 8});
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i) + ";";
    all += text;
    output.Write(text);
  }
  EXPECT_EQ(ReadFile(path + ".log"), all.substr(0, 4));
  const std::string tail = ReadFile(path + ".tail.2") +
                           ReadFile(path + ".tail.1") +
                           ReadFile(path + ".tail");
  EXPECT_GE(tail.size(), 16U);
  EXPECT_LE(tail.size(), 24U);
  EXPECT_EQ(tail, all.substr(all.size() - tail.size()));
}

TEST(TrialOutputTest, RemoveLeavesNothing) {
  const TemporaryFolder folder;
  TrialOutput output(folder.File("1-1"), {.head = 1, .part = 1});
  output.Write("abcdefg");
  TrialOutput::Remove(folder.File("1-1"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace assay
