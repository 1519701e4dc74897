#include "client/cli/study_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(
name: fashion-cnn
metrics: [{name: accuracy, goal: MAXIMIZE}]
parameters:
  - {name: optimizer.learning_rate, double: {min: 1e-5, max: 1e-1, scale: LOG}}
  - {name: model.width, integer: {min: 8, max: 64, scale: LOG}}
  - {name: optimizer.name, categorical: {values: [sgd, adam, no, 3, true]}}
  - {name: optimizer.momentum, double: {min: 0, max: 0.99}, when: {parent: optimizer.name, values: [sgd]}}
algorithm: {auto: {}}
stopping: {median: {min_trials: 4}}
trial:
  builtin:
    config: {data: {name: fashion-mnist}, epochs: 20}
  resources: {gpus: 0}
  max_attempts: 3
budget: {max_trials: 60, max_parallel: 4, max_seconds: 3600}
seed: 18446744073709551615
)";

absl::StatusOr<v1::StudySpec> Parse(const std::string& text) {
  return ParseStudyFile(text, "study.yaml");
}

TEST(StudyFileTest, ReadsTheDesignsExample) {
  const auto spec = Parse(kGood);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->name(), "fashion-cnn");
  EXPECT_EQ(spec->metrics(0).goal(), v1::MAXIMIZE);
  EXPECT_DOUBLE_EQ(spec->parameters(0).double_().min(), 1e-5);
  EXPECT_EQ(spec->parameters(1).integer().max(), 64);
  const auto& values = spec->parameters(2).categorical().values();
  EXPECT_EQ(values.values(2).string_value(), "no");
  EXPECT_EQ(values.values(3).number_value(), 3);
  EXPECT_TRUE(values.values(4).bool_value());
  EXPECT_EQ(spec->parameters(3).when().parent(), "optimizer.name");
  EXPECT_TRUE(spec->algorithm().has_auto_());
  EXPECT_EQ(spec->stopping().median().min_trials(), 4);
  EXPECT_EQ(
      spec->trial().builtin().config().fields().at("epochs").number_value(),
      20);
  EXPECT_EQ(spec->budget().max_trials(), 60);
  EXPECT_EQ(spec->seed(), 18446744073709551615u);
}

TEST(StudyFileTest, JsonIsReadToo) {
  const auto spec =
      Parse(R"({"name": "j", "metrics": [{"name": "y", "goal": "MINIMIZE"}]})");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->metrics(0).goal(), v1::MINIMIZE);
}

TEST(StudyFileTest, QuotedIsAText) {
  const auto spec = Parse("name: \"123a\"\nnote: '5'\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->note(), "5");
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(StudyFileTest, MistakesAreNamed) {
  const Bad cases[] = {
      {"name: a\nname: b\n", "study.yaml:2: key \"name\" is given twice"},
      {"budget: {max_trials: 1, max_trials: 2}",
       "\"budget.max_trials\" is given twice"},
      {"name: a\n\nbudget:\n  max_trials: 3\n  max_trails: 3\n",
       "study.yaml:5: unknown key \"budget.max_trails\""},
      {"name: a\nmetrics:\n  - name: y\n    goal: UP\n",
       "study.yaml:4: metrics[0].goal: \"UP\"; MINIMIZE or MAXIMIZE"},
      {"algorithm: random\n", "algorithm: \"random\"; {random: {}} is wanted"},
      {"name: a\nalgorithm: {grid: {},\n  random: {}}\n",
       "study.yaml:3: algorithm: only one of grid and random"},
      {"parametres: []\n", "did you mean \"parameters\"?"},
      {"budget: {max_trails: 3}", "did you mean \"max_trials\"?"},
      {"frobnicate: 1\n", "Allowed: name, owner, metrics"},
      {"algorithm: {bayesian: {}}\n", "algorithm: there is no \"bayesian\""},
      {"algorithm: {bayesian: {}}\n", "auto, random, quasi_random, grid"},
      {"stopping: {asha: {}}\n", "median, patience"},
      {"algorithm: {random: {}, grid: {}}\n", "only one of"},
      {"metrics: [{name: a, goal: maximize}]",
       "MINIMIZE or MAXIMIZE is wanted"},
      {"metrics: {name: a}\n", "metrics: {\"name\":\"a\"}; a list is wanted"},
      {"metrics: [a]\n", "metrics[0]: \"a\"; a mapping is wanted"},
      {"name: 5\n", "name: 5; a text (in quotes) is wanted"},
      {"budget: {max_trials: many}",
       "budget.max_trials: \"many\"; a whole number is wanted"},
      {"budget: {max_trials: 1.5}", "a whole number is wanted"},
      {"budget: {max_seconds: soon}", "a number is wanted"},
      {"algorithm: {grid: {shuffle: 1}}", "true or false is wanted"},
      {"parameters: [{name: a, categorical: {values: x}}]", "a list is wanted"},
      {"name: [unclosed\n", "study.yaml:"},
      {"- a\n- b\n", "one mapping"},
      {"", "one mapping"},
      {"{[a]: b}\n", "a key has to be a text"},
  };
  for (const Bad& c : cases) {
    const auto spec = Parse(c.text);
    ASSERT_FALSE(spec.ok()) << c.text;
    EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(spec.status().message()), HasSubstr(c.message))
        << c.text;
  }
}

TEST(StudyFileTest, AnAliasBombIsRefused) {
  std::string text = "note: x\nb0: &b0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    absl::StrAppend(&text, "b", i, ": &b", i, " [");
    for (int k = 0; k < 10; ++k) absl::StrAppend(&text, "*b", i - 1, ", ");
    text += "]\n";
  }
  const auto spec = Parse(text);
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr("100000 values"));
}

TEST(StudyFileTest, DeepNestingIsRefused) {
  const std::string text =
      absl::StrCat("note: ", std::string(500, '['), std::string(500, ']'));
  const auto spec = Parse(text);
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr("64 levels"));
}

TEST(StudyFileTest, AMissingFileIsNamed) {
  const auto spec = ReadStudyFile("/nonexistent/study.yaml");
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(std::string(spec.status().message()),
              HasSubstr("/nonexistent/study.yaml"));
}

}  // namespace
}  // namespace assay
