#include "client/cli/study_file.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
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

// Python's json module writes characters beyond 16 bits as two escapes.
TEST(StudyFileTest, JsonEscapesOfOneCharacterAreJoined) {
  const auto spec = Parse(
      R"({"name": "\\ud83d\\ude00", "owner": "\u00e9", "note": "\uD83D\ude00!"})");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->name(), R"(\ud83d\ude00)");
  EXPECT_EQ(spec->owner(), "\u00e9");
  EXPECT_EQ(spec->note(), "\U0001f600!");
  EXPECT_FALSE(Parse(R"({"note": "\ud83d alone"})").ok());
}

TEST(StudyFileTest, QuotedIsAText) {
  const auto spec = Parse("name: \"123a\"\nnote: '5'\nowner: !!str 7\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->note(), "5");
  EXPECT_EQ(spec->owner(), "7");
}

TEST(StudyFileTest, WholeNumbersAreReadExactly) {
  const auto spec = Parse(
      "budget: {max_trials: 1e3}\nseed: 9007199254740993\npriority: -7\n"
      "parameters: [{name: n, integer: {min: -9223372036854775808, max: "
      "0x10}}]");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->budget().max_trials(), 1000);
  EXPECT_EQ(spec->seed(), 9007199254740993u);
  EXPECT_EQ(spec->priority(), -7);
  EXPECT_EQ(spec->parameters(0).integer().min(), INT64_MIN);
  EXPECT_EQ(spec->parameters(0).integer().max(), 16);
}

TEST(StudyFileTest, AFieldOfJsonTakesAnything) {
  const auto spec = Parse(
      "trial: {builtin: {config: {a: [1, no, null], b: {c: true}}}}\n"
      "parameters: [{name: p, default: adam, when: {values: [1, x]}}]");
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto& fields = spec->trial().builtin().config().fields();
  EXPECT_EQ(fields.at("a").list_value().values(1).string_value(), "no");
  EXPECT_TRUE(fields.at("b").struct_value().fields().at("c").bool_value());
  EXPECT_EQ(spec->parameters(0).default_().string_value(), "adam");
  EXPECT_EQ(spec->parameters(0).when().values().values_size(), 2);
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
      {"algorithm: {oracle: {}}\n", "algorithm: there is no \"oracle\""},
      {"algorithm: {oracle: {}}\n", "auto, random, quasi_random, grid"},
      {"stopping: {halving: {}}\n", "median, patience"},
      {"stopping:\n  any_of:\n    - {median: {}}\n    - {halving: {}}\n",
       "study.yaml:4: stopping.any_of[1]: there is no \"halving\""},
      {"stopping: {any_of: [asha]}\n",
       "stopping.any_of[0]: \"asha\"; {asha: {}} is wanted"},
      {"stopping: {any_of: [{asha: {max_step: 2}}]}\n",
       "unknown key \"stopping.any_of[0].asha.max_step\"; did you mean "
       "\"max_steps\"?"},
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
      // What no double holds was taken for a missing value.
      {"name: a\nparameters: [{name: x, double: {min: 1e400, max: 2}}]",
       "study.yaml:2: parameters[0].double.min: 1e400; a finite number is"},
      {"parameters: [{name: x, double: {min: -.inf, max: 2}}]",
       "parameters[0].double.min: -.inf; a finite number is wanted"},
      {"name: .nan\n", "name: .nan; a finite number is wanted"},
      {"trial: {builtin: {config: {a: [.inf]}}}",
       "trial.builtin.config.a[0]: .inf; a finite number is wanted"},
      {"name: a\nbudget: {max_trials: 9223372036854775808}",
       "study.yaml:2: budget.max_trials: 9223372036854775808; a whole number "
       "from -9223372036854775808 to 9223372036854775807 is wanted"},
      {"budget: {max_trials: 1e300}", "1e+300; a whole number from -9223"},
      {"priority: 3000000000\n", "a whole number from -2147483648 to 21474836"},
      {"seed: -1\n", "seed: -1; a whole number from 0 to 18446744073709551615"},
      {"seed: 18446744073709551616\n",
       "a whole number from 0 to 1844674407370"},
      {"seed: '7'\n", "seed: \"7\"; a whole number is wanted"},
      {"name: ~\n", "name: null; a text (in quotes) is wanted"},
      {"parameters: [{name: x, double: {mx: 1}}]",
       "unknown key \"parameters[0].double.mx\"; did you mean \"max\"?"},
      {"x: 1\n", "unknown key \"x\". Allowed: name"},
      {"name: a\nalgorithm: oracle\n",
       "study.yaml:2: algorithm: there is no \"oracle\". Allowed: auto"},
      {"algorithm: randon\n", "did you mean \"random\"?"},
      {"stopping: median\n", "stopping: \"median\"; {median: {}} is wanted"},
      {"parameters: [{name: x, float: {}}]",
       "unknown key \"parameters[0].float\". Allowed: name, double, integer"},
      {"a: &a [*a]\n", "64 levels"},
      {"name: a\n---\nname: b\n", "one mapping"},
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

// The path of each value was kept, and each had the long key in it: gigabytes.
TEST(StudyFileTest, ALongKeyOverManyValuesIsRefused) {
  std::string text = absl::StrCat("? ", std::string(500'000, 'k'), "\n: [");
  for (int i = 0; i < 40'000; ++i) text += "1,";
  const auto spec = Parse(text + "]\n");
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(std::string(spec.status().message()),
              HasSubstr("more than 1024 bytes"));
}

TEST(StudyFileTest, AFolderIsNoFile) {
  const auto spec = ReadStudyFile("/");
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr("cannot read /"));
}

TEST(StudyFileTest, AMissingFileIsNamed) {
  const auto spec = ReadStudyFile("/nonexistent/study.yaml");
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(std::string(spec.status().message()),
              HasSubstr("/nonexistent/study.yaml"));
}

TEST(StudyFileTest, RulesCombine) {
  const auto asha =
      Parse("stopping: {asha: {min_steps: 1, max_steps: 20, reduction: 3}}\n");
  ASSERT_TRUE(asha.ok()) << asha.status();
  EXPECT_EQ(asha->stopping().asha().max_steps(), 20);
  const auto both = Parse(
      "stopping: {any_of: [{median: {}}, {threshold: {upper: 3}, metric: "
      "loss}]}\n");
  ASSERT_TRUE(both.ok()) << both.status();
  ASSERT_EQ(both->stopping().any_of_size(), 2);
  EXPECT_EQ(both->stopping().any_of(1).threshold().upper(), 3);
  EXPECT_EQ(both->stopping().any_of(1).metric(), "loss");
}

TEST(ReadStoppingTest, TakesARuleAsAText) {
  const auto rule = ReadStopping(" {asha: {max_steps: 9}}");
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->asha().max_steps(), 9);
  EXPECT_EQ(
      ReadStopping(R"({"median": {"min_trials": 3}})")->median().min_trials(),
      3);
  EXPECT_THAT(std::string(ReadStopping("{halving: {}}").status().message()),
              HasSubstr("stopping: there is no \"halving\""));
}

TEST(ReadStoppingTest, TakesAFileWithARuleOrAStudy) {
  const std::string path = ::testing::TempDir() + "/stopping_rule.yaml";
  const auto read = [&](const std::string& text) {
    std::ofstream(path) << text;
    return ReadStopping(path);
  };
  EXPECT_EQ(read("asha:\n  max_steps: 9\nmetric: loss\n")->metric(), "loss");
  EXPECT_EQ(read("{\"asha\": {\"max_steps\": 9}}")->asha().max_steps(), 9);
  EXPECT_EQ(read(kGood)->median().min_trials(), 4);
  EXPECT_EQ(read("asha: {max_step: 9}\n").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(ReadStopping("/none").status().message()),
              HasSubstr("No such file or directory; a file, or a rule"));
}

}  // namespace
}  // namespace assay
