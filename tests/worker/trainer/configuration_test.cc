#include "worker/trainer/configuration.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

std::string MistakesOf(const std::string& config,
                       const std::string& parameters = "{}") {
  const auto read =
      ReadConfiguration(json::parse(config), json::parse(parameters));
  if (read.ok()) return "";
  EXPECT_EQ(read.error().kind, ErrorKind::kConfiguration);
  return read.error().message;
}

Configuration Valid(const std::string& config,
                    const std::string& parameters = "{}") {
  const auto read =
      ReadConfiguration(json::parse(config), json::parse(parameters));
  EXPECT_TRUE(read.ok()) << read.error().message;
  return *read;
}

TEST(ConfigurationTest, EmptyConfigurationHasTheDocumentedDefaults) {
  const Configuration config = Valid("{}");
  EXPECT_EQ(config.data.name, "fashion-mnist");
  EXPECT_EQ(config.data.source, DataSource::kIdx);
  EXPECT_TRUE(config.data.standardize);
  EXPECT_EQ(config.model.kind, ModelKind::kMlp);
  EXPECT_EQ(config.model.depth, 2);
  EXPECT_EQ(config.model.width, 128);
  EXPECT_EQ(config.loss, LossKind::kCrossEntropy);
  EXPECT_EQ(config.optimizer.kind, OptimizerKind::kAdam);
  EXPECT_DOUBLE_EQ(config.optimizer.learning_rate, 0.001);
  EXPECT_EQ(config.batch_size, 128);
  EXPECT_EQ(config.epochs, std::nullopt);
  EXPECT_EQ(config.threads, 1);
}

TEST(ConfigurationTest, ParameterOverridesTheKeyOfItsDottedPath) {
  const Configuration config =
      Valid(R"({"optimizer": {"learning_rate": 0.5}, "batch_size": 8})",
            R"({"optimizer.learning_rate": 0.01, "model.width": 32})");
  EXPECT_DOUBLE_EQ(config.optimizer.learning_rate, 0.01);
  EXPECT_EQ(config.model.width, 32);
  EXPECT_EQ(config.batch_size, 8);
}

TEST(ConfigurationTest, WholeDoubleIsAnInteger) {
  EXPECT_EQ(Valid("{}", R"({"model.width": 64.0})").model.width, 64);
}

TEST(ConfigurationTest, DottedKeyInTheConfigurationMeansItsPath) {
  EXPECT_EQ(Valid(R"({"model.width": 64})").model.width, 64);
  EXPECT_THAT(MistakesOf(R"({"model.width": 64, "model": {"width": 64}})"),
              HasSubstr("model.width: is given twice"));
}

TEST(ConfigurationTest, AllMistakesAreToldAtOnce) {
  const std::string mistakes =
      MistakesOf(R"({"batch_size": 0, "epochs": "ten", "colour": "red"})");
  EXPECT_THAT(mistakes, HasSubstr("batch_size: 0"));
  EXPECT_THAT(mistakes, HasSubstr("epochs: \"ten\""));
  EXPECT_THAT(mistakes, HasSubstr("colour: unknown key"));
}

struct BadInput {
  const char* config;
  const char* parameters;
  const char* message;
};

class BadConfigurationTest : public ::testing::TestWithParam<BadInput> {};

TEST_P(BadConfigurationTest, IsRefusedWithKeyValueAndWhatIsAllowed) {
  EXPECT_THAT(MistakesOf(GetParam().config, GetParam().parameters),
              HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfigurationTest,
    ::testing::Values(
        // Unknown keys.
        BadInput{R"({"optimizer": {"learing_rate": 0.1}})", "{}",
                 "optimizer.learing_rate: unknown key, did you mean "
                 "\"optimizer.learning_rate\"?"},
        BadInput{"{}", R"({"learning_rate": 0.1})",
                 "parameter learning_rate: unknown key, did you mean "
                 "\"optimizer.learning_rate\"?"},
        BadInput{R"({"zzzzzzzzzz": 1})", "{}", "zzzzzzzzzz: unknown key"},
        BadInput{R"({"optimizer": "adam"})", "{}",
                 "optimizer: \"adam\" is not an object of the keys "
                 "optimizer.alpha, "},
        BadInput{R"({"model": {"width": {"a": 1}}})", "{}",
                 "model.width.a: unknown key"},
        // Wrong types.
        BadInput{"[1]", "{}", "config: [1] is not an object"},
        BadInput{"{}", "3", "parameters: 3 is not an object"},
        BadInput{R"({"optimizer": {"learning_rate": "fast"}})", "{}",
                 "optimizer.learning_rate: \"fast\" is not a number in (0, "
                 "1000]"},
        BadInput{R"({"model": {"width": 1.5}})", "{}",
                 "model.width: 1.5 is not an integer from 1 to 8192"},
        BadInput{R"({"model": {"batch_norm": 1}})", "{}",
                 "model.batch_norm: 1 is not true or false"},
        BadInput{R"({"data": {"name": 7}})", "{}",
                 "data.name: 7 is not a string"},
        BadInput{R"({"epochs": null})", "{}", "epochs: null is not an integer"},
        BadInput{R"({"seed": 18446744073709551615})", "{}",
                 "seed: 18446744073709551615 is not an integer from 0"},
        // Out of range, or no such choice.
        BadInput{"{}", R"({"optimizer.learning_rate": 0})",
                 "parameter optimizer.learning_rate: 0 is not a number in (0, "
                 "1000]"},
        BadInput{R"({"model": {"dropout": 1}})", "{}",
                 "model.dropout: 1 is not a number in [0, 1)"},
        BadInput{R"({"batch_size": -4})", "{}",
                 "batch_size: -4 is not an integer from 1"},
        BadInput{R"({"model": {"name": "transformer"}})", "{}",
                 "model.name: \"transformer\" is not one of mlp, cnn"},
        BadInput{R"({"loss": "cross_entrpy"})", "{}",
                 "did you mean \"cross_entropy\"?"},
        BadInput{R"({"model": {"name": "cnn", "kernel": 4}})", "{}",
                 "model.kernel: 4 is even; allowed: 1, 3, 5"},
        // Impossible together.
        BadInput{R"({"augmentation": {"rotation": 181}})", "{}",
                 "augmentation.rotation: 181 is not a number in [0, 180]"},
        BadInput{R"({"data": {"name": "synthetic"},
                     "augmentation": {"noise": 0.1}})",
                 "{}",
                 "augmentation.noise: 0.1 is allowed only when data.name is a "
                 "folder of images (IDX files)"},
        BadInput{R"({"optimizer": {"momentum": 0.9}})", "{}",
                 "optimizer.momentum: 0.9 is not allowed with optimizer.name "
                 "\"adam\"; allowed only with sgd, rmsprop"},
        BadInput{R"({"optimizer": {"momentum": 0.9}})",
                 R"({"optimizer.name": "adamw"})",
                 "not allowed with optimizer.name \"adamw\""},
        BadInput{R"({"optimizer": {"name": "sgd", "beta1": 0.9}})", "{}",
                 "optimizer.beta1: 0.9 is not allowed with optimizer.name "
                 "\"sgd\"; allowed only with adam, adamw"},
        BadInput{R"({"optimizer": {"name": "sgd", "nesterov": true}})", "{}",
                 "optimizer.nesterov: true needs optimizer.momentum above 0"},
        BadInput{R"({"model": {"name": "cnn", "depth": 3}})", "{}",
                 "model.depth: 3 is not allowed with model.name \"cnn\""},
        BadInput{R"({"model": {"blocks": 3}})", "{}",
                 "model.blocks: 3 is not allowed with model.name \"mlp\""},
        BadInput{R"({"schedule": {"gamma": 0.5}})", "{}",
                 "schedule.gamma: 0.5 is not allowed with schedule.name "
                 "\"constant\"; allowed only with step"},
        BadInput{R"({"schedule": {"name": "cosine", "minimum": 0.1}})", "{}",
                 "schedule.minimum: 0.1 is above optimizer.learning_rate"},
        BadInput{R"({"model": {"batch_norm": true}, "batch_size": 1})", "{}",
                 "batch_size: 1 is too small for model.batch_norm"},
        BadInput{R"({"data": {"name": "synthetic"}, "model": {"name": "cnn"}})",
                 "{}", "model.name: \"cnn\" needs images"},
        BadInput{R"({"data": {"name": "a.csv", "target": "y",
                     "task": "regression"}, "loss": "hinge"})",
                 "{}",
                 "loss: \"hinge\" is for a classification; a regression "
                 "allows: mse"},
        BadInput{R"({"data": {"name": "a.csv"}})", "{}",
                 "data.target: names the column to predict"},
        BadInput{R"({"data": {"target": "y"}})", "{}",
                 "data.target: \"y\" is allowed only when data.name is a CSV"},
        BadInput{R"({"data": {"synthetic": {"kind": "blobs"}}})", "{}",
                 "data.synthetic.kind: \"blobs\" is allowed only when "
                 "data.name is \"synthetic\""},
        BadInput{R"({"data": {"name": "synthetic",
                     "synthetic": {"kind": "spirals", "features": 3}}})",
                 "{}", "not allowed with data.synthetic.kind \"spirals\""},
        BadInput{R"({"data": {"validation_examples": 10,
                     "validation_fraction": 0.1}})",
                 "{}",
                 "data.validation_fraction: 0.1 is given beside "
                 "data.validation_examples"},
        // Names that would leave the data root.
        BadInput{R"({"data": {"name": "/etc/passwd"}})", "{}",
                 "data.name: \"/etc/passwd\" is not the name of a set"},
        BadInput{R"({"data": {"name": "../secret.csv", "target": "y"}})", "{}",
                 "relative path without \"..\""},
        BadInput{R"({"data": {"name": "a/../../b"}})", "{}",
                 "relative path without \"..\""},
        BadInput{R"({"data": {"name": ""}})", "{}", "data.name: \"\" is not"},
        BadInput{R"({"data": {"name": "a\u0000b"}})", "{}",
                 "is not the name"}));

TEST(ConfigurationTest, NumbersOfLayersAndClassesGoByTheirIndex) {
  const Configuration config = Valid(
      R"({"model": {"depth": 1}, "class_weights": {"3": 0.5},
          "regularization": {"layers": {"0": {"l2": 0.1}}}})",
      R"({"regularization.layers.1.l2": 0.2})");
  EXPECT_EQ(config.regularization.layer_l2,
            (std::map<int64_t, double>{{0, 0.1}, {1, 0.2}}));
  EXPECT_EQ(config.loss_terms.class_weights,
            (std::map<int64_t, double>{{3, 0.5}}));
  EXPECT_THAT(MistakesOf(R"({"model": {"depth": 1},
                             "regularization": {"layers": {"2": {"l2": 1}}}})"),
              HasSubstr("regularization.layers.2.l2: 1 is of one of the layers "
                        "that is not there; allowed: 0 to 1"));
  EXPECT_THAT(MistakesOf(R"({"class_weights": {"03": 1}})"),
              HasSubstr("class_weights.03: unknown key"));
  EXPECT_THAT(MistakesOf(R"({"class_weights": {"3": -1}})"),
              HasSubstr("class_weights.3: -1 is not a number in [0, 1000]"));
  EXPECT_THAT(
      MistakesOf(R"({"loss_weights": {"cross_entropy": 1}})"),
      HasSubstr("loss_weights.cross_entropy: 1 is not allowed with "
                "loss \"cross_entropy\"; allowed only with hinge, mse"));
  EXPECT_THAT(MistakesOf(R"({"loss": "hinge", "label_smoothing": 0.1})"),
              HasSubstr("allowed only with cross_entropy"));
}

TEST(HypergradientConfigurationTest, IsOffByDefault) {
  const HypergradientConfig config = Valid("{}").hypergradient;
  EXPECT_EQ(config.method, HypergradientMethod::kNone);
  EXPECT_TRUE(config.parameters.empty());
  EXPECT_THAT(MistakesOf(R"({"hypergradient": {"every": 2}})"),
              HasSubstr("hypergradient.every: 2 is not allowed with "
                        "hypergradient.method \"none\""));
}

TEST(HypergradientConfigurationTest, ParametersOfTheTrialAreTakenUnlessNamed) {
  EXPECT_THAT(Valid(R"({"hypergradient": {"method": "truncated"}})",
                    R"({"optimizer.learning_rate": 0.01, "model.width": 8,
                        "regularization.layers.2.l2": 0.1})")
                  .hypergradient.parameters,
              testing::ElementsAre("optimizer.learning_rate",
                                   "regularization.layers.2.l2"));
  EXPECT_THAT(Valid(R"({"hypergradient": {"method": "truncated",
                        "parameters": ["optimizer.beta1"]}})",
                    R"({"optimizer.learning_rate": 0.01})")
                  .hypergradient.parameters,
              testing::ElementsAre("optimizer.beta1"));
  EXPECT_THAT(MistakesOf(R"({"hypergradient": {"method": "truncated"}})",
                         R"({"model.width": 8})"),
              HasSubstr("no parameter of the trial will do"));
}

TEST(HypergradientConfigurationTest, ImplicitMethodsDoNotKnowTheOptimizer) {
  const std::string mistakes = MistakesOf(
      R"({"hypergradient": {"method": "ift_cg",
          "parameters": ["optimizer.learning_rate"]}})");
  EXPECT_THAT(mistakes, HasSubstr("has \"optimizer.learning_rate\", which has "
                                  "no gradient here"));
  EXPECT_THAT(mistakes, HasSubstr("label_smoothing, optimizer.weight_decay, "
                                  "regularization.l1, regularization.l2"));
  EXPECT_THAT(MistakesOf(R"({"optimizer": {"name": "adamw"},
          "hypergradient": {"method": "ift_cg",
                            "parameters": ["optimizer.weight_decay"]}})"),
              HasSubstr("no gradient here"));
}

TEST(HypergradientConfigurationTest, KeysOfOtherMethodsAreRefused) {
  EXPECT_THAT(MistakesOf(R"({"hypergradient": {"method": "ift_cg", "steps": 3,
                             "parameters": ["regularization.l2"]}})"),
              HasSubstr("hypergradient.steps: 3 is not allowed"));
  EXPECT_THAT(
      MistakesOf(R"({"hypergradient": {"method": "truncated", "damping": 1,
                     "parameters": ["regularization.l2"]}})"),
      HasSubstr("hypergradient.damping: 1 is not allowed"));
  EXPECT_THAT(
      MistakesOf(R"({"hypergradient": {"method": "one_step",
                     "metric": "accuracy",
                     "parameters": ["regularization.l2"]}})"),
      HasSubstr("hypergradient.metric: \"accuracy\" has no gradient here; "
                "allowed: loss"));
  EXPECT_THAT(MistakesOf(R"({"hypergradient": {"method": "reverse"}})"),
              HasSubstr("is not one of none, ift_neumann, ift_cg, truncated"));
}

TEST(VectorConfigurationTest, IsOffByDefault) {
  EXPECT_FALSE(Valid("{}").vectors.Any());
  EXPECT_THAT(MistakesOf(R"({"vectors": {"every": 5}})"),
              HasSubstr("vectors.every: 5 is allowed only when "
                        "vectors.weight_decay.learn or "
                        "vectors.example_weights.learn is true"));
  EXPECT_THAT(MistakesOf(R"({"vectors": {"weight_decay": {"learn": true},
                             "example_weights": {"rate": 0.1}}})"),
              HasSubstr("vectors.example_weights.rate: 0.1 is allowed only "
                        "when vectors.example_weights.learn is true"));
}

TEST(VectorConfigurationTest, StartRateAndPriorMayBeTheTrialsParameters) {
  const VectorsConfig config =
      Valid(R"({"vectors": {"weight_decay": {"learn": true}}})",
            R"({"vectors.weight_decay.start": 0.01,
                "vectors.weight_decay.rate": 0.2,
                "vectors.weight_decay.prior": 0.5})")
          .vectors;
  EXPECT_TRUE(config.weight_decay.learn);
  EXPECT_FALSE(config.example_weights.learn);
  EXPECT_DOUBLE_EQ(config.weight_decay.start, 0.01);
  EXPECT_DOUBLE_EQ(config.weight_decay.rate, 0.2);
  EXPECT_DOUBLE_EQ(config.weight_decay.prior, 0.5);
}

TEST(VectorConfigurationTest, MethodIsTheTrialsOwnWhereThatKnowsVectors) {
  const auto method_of = [](const std::string& method) {
    return Valid(R"({"vectors": {"example_weights": {"learn": true}},
                     "hypergradient": {"method": ")" +
                 method + R"(", "parameters": ["regularization.l2"]}})")
        .vectors.method;
  };
  EXPECT_EQ(method_of("truncated"), HypergradientMethod::kTruncated);
  EXPECT_EQ(method_of("forward"), HypergradientMethod::kIftNeumann);
  EXPECT_EQ(Valid(R"({"vectors": {"example_weights": {"learn": true}}})")
                .vectors.method,
            HypergradientMethod::kIftNeumann);
}

TEST(VectorConfigurationTest, MistakesAreNamed) {
  EXPECT_THAT(MistakesOf(R"({"vectors": {"weight_decay": {"learn": 1}}})"),
              HasSubstr("vectors.weight_decay.learn: 1 is not true or false"));
  EXPECT_THAT(MistakesOf(R"({"vectors": {"example_weights": {
                             "learn": true, "start": 1}}})"),
              HasSubstr("vectors.example_weights.start: 1 is not a number in "
                        "(0, 1)"));
  EXPECT_THAT(MistakesOf(R"({"vectors": {"method": "forward",
                             "weight_decay": {"learn": true}}})"),
              HasSubstr("vectors.method: \"forward\" is not one of "
                        "ift_neumann, ift_cg, truncated, one_step"));
  EXPECT_THAT(MistakesOf(R"({"vectors": {"method": "truncated", "terms": 3,
                             "weight_decay": {"learn": true}}})"),
              HasSubstr("vectors.terms: 3 is not allowed with vectors.method "
                        "\"truncated\""));
}

// The README's table of keys against the keys that exist.
class ReadmeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(TRAINER_README);
    ASSERT_TRUE(file) << TRAINER_README;
    std::string line;
    while (std::getline(file, line)) {
      if (!line.starts_with("| `")) continue;
      std::istringstream cell(line.substr(2, line.find('|', 2) - 2));
      std::string word;
      while (std::getline(cell, word, '`')) {
        if (word.find_first_of(" ,") == std::string::npos && !word.empty()) {
          documented_.insert(word);
        }
      }
    }
  }

  std::set<std::string> documented_;
};

TEST_F(ReadmeTest, EveryDocumentedKeyExists) {
  ASSERT_GT(documented_.size(), 30U);
  for (const std::string& key : documented_) {
    EXPECT_THAT(MistakesOf("{}", json({{key, json::array()}}).dump()),
                Not(HasSubstr("unknown key")))
        << key;
  }
}

TEST_F(ReadmeTest, EveryKeyIsDocumented) {
  for (const std::string group :
       {"data", "data.synthetic", "model", "optimizer", "regularization",
        "augmentation", "schedule", "hypergradient", "vectors"}) {
    const std::string mistakes = MistakesOf("{}", json({{group, 1}}).dump());
    const size_t list = mistakes.find("keys ") + 5;
    std::istringstream keys(
        mistakes.substr(list, mistakes.find('\n', list) - list));
    std::string key;
    while (keys >> key) {
      if (key.ends_with(',')) key.pop_back();
      EXPECT_TRUE(documented_.contains(key)) << key;
    }
  }
}

}  // namespace
}  // namespace assay
