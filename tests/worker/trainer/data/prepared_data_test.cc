#include "worker/trainer/data/prepared_data.h"

#include <filesystem>
#include <numeric>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/support/scratch_folder.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Configuration Config(const std::string& text) {
  const auto config =
      ReadConfiguration(nlohmann::json::parse(text), nlohmann::json::object());
  EXPECT_TRUE(config.ok()) << config.error().message;
  return *config;
}

class PreparedDataTest : public ::testing::Test {
 protected:
  Result<PreparedData> Prepare(const std::string& config,
                               TestPart test = TestPart::kUntouched) {
    return PrepareData(Config(config), root_.path(), test);
  }

  std::string MistakeOf(const std::string& config) {
    const auto data = Prepare(config);
    if (data.ok()) return "";
    EXPECT_EQ(data.error().kind, ErrorKind::kConfiguration);
    return data.error().message;
  }

  // Two training and one test image of 2 x 2.
  void WriteTinyIdx(const std::string& name) {
    const auto bytes = [](std::initializer_list<int> values) {
      return std::string(values.begin(), values.end());
    };
    root_.Write(name + "/train-images-idx3-ubyte",
                bytes({0, 0, 8, 3, 0, 0, 0, 3, 0, 0,  0,  2, 0, 0, 0, 2,  //
                       1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
    root_.Write(name + "/train-labels-idx1-ubyte",
                bytes({0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2}));
    root_.Write(name + "/t10k-images-idx3-ubyte",
                bytes({0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2,  //
                       9, 9, 9, 9}));
    root_.Write(name + "/t10k-labels-idx1-ubyte",
                bytes({0, 0, 8, 1, 0, 0, 0, 1, 2}));
  }

  ScratchFolder root_;
};

TEST_F(PreparedDataTest, TrainingPartHasMeanZeroTheOthersNeedNot) {
  const auto data = Prepare(
      R"({"data": {"name": "synthetic", "validation_examples": 5,
          "synthetic": {"kind": "linear", "features": 1, "examples": 100}}})");
  ASSERT_TRUE(data.ok()) << data.error().message;
  const auto mean = [](const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) /
           static_cast<double>(values.size());
  };
  EXPECT_NEAR(mean(data->train.inputs), 0, 1e-6);
  EXPECT_NEAR(mean(data->train.targets), 0, 1e-6);
  EXPECT_GT(std::abs(mean(data->validation.inputs)), 1e-3);
}

TEST_F(PreparedDataTest, TestPartIsEmptyUnlessWanted) {
  const std::string config = R"({"data": {"name": "synthetic"}})";
  const auto without = Prepare(config);
  const auto with = Prepare(config, TestPart::kWanted);
  ASSERT_TRUE(without.ok() && with.ok());
  EXPECT_EQ(without->test.size(), 0);
  EXPECT_EQ(with->test.size(), 200);
  EXPECT_EQ(with->train.inputs, without->train.inputs);
}

TEST_F(PreparedDataTest, TestFilesOfASetAreReadOnlyWhenWanted) {
  WriteTinyIdx("tiny");
  const std::string config =
      R"({"data": {"name": "tiny", "validation_examples": 1}})";
  const auto with = Prepare(config, TestPart::kWanted);
  ASSERT_TRUE(with.ok()) << with.error().message;
  EXPECT_EQ(with->train.size(), 2);
  EXPECT_EQ(with->test.size(), 1);
  std::filesystem::remove(root_.path() + "/tiny/t10k-labels-idx1-ubyte");
  EXPECT_TRUE(Prepare(config).ok());
  EXPECT_FALSE(Prepare(config, TestPart::kWanted).ok());
}

TEST_F(PreparedDataTest, SetWithTestFilesAllowsNoOtherTestPart) {
  WriteTinyIdx("tiny");
  EXPECT_THAT(MistakeOf(R"({"data": {"name": "tiny", "test_fraction": 0.5}})"),
              HasSubstr("data.test_fraction: is not allowed for \"tiny\""));
}

TEST_F(PreparedDataTest, CsvComesFromTheDataRootByName) {
  root_.Write("sets/a.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n");
  const auto data = Prepare(
      R"({"data": {"name": "sets/a.csv", "target": "y",
          "validation_examples": 1, "test_examples": 1}})");
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_EQ(data->train.size(), 4);
  EXPECT_THAT(data->class_names, ElementsAre("a", "b"));
}

TEST_F(PreparedDataTest, MissingSetsAreNamedWithTheDataRoot) {
  EXPECT_THAT(MistakeOf(R"({"data": {"name": "nothing"}})"),
              HasSubstr("data.name: \"nothing\" is not a folder of IDX files "
                        "under the data root " +
                        root_.path()));
  EXPECT_THAT(MistakeOf(R"({"data": {"name": "no.csv", "target": "y"}})"),
              HasSubstr("data.name: \"no.csv\" is not a CSV file"));
}

TEST_F(PreparedDataTest, ModelAndLossMustFitTheData) {
  WriteTinyIdx("tiny");
  EXPECT_THAT(
      MistakeOf(R"({"data": {"name": "tiny"},
                    "model": {"name": "cnn", "blocks": 2}})"),
      HasSubstr("model.blocks: 2 halvings leave nothing of an image of 2 x 2; "
                "allowed: 1 to 1"));
  EXPECT_THAT(
      MistakeOf(R"({"data": {"name": "tiny"}, "loss": "log_loss"})"),
      HasSubstr("loss: \"log_loss\" is for two classes, and the set has 3"));
  root_.Write("one.csv", "x,y\n1,a\n2,a\n");
  EXPECT_THAT(MistakeOf(R"({"data": {"name": "one.csv", "target": "y"}})"),
              HasSubstr("has one class"));
}

}  // namespace
}  // namespace assay
