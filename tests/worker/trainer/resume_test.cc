// Trainings that are cut into several runs by checkpoints.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/trainer/support/recorder.h"
#include "tests/worker/trainer/support/scratch_folder.h"
#include "worker/trainer/train.h"
#include "worker/trainer/trial_file.h"

namespace assay {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kEpochs = 6;

// 200 examples of three clouds, in 13 batches.
json Blobs() {
  return json::parse(R"({
      "data": {"name": "synthetic", "synthetic": {"examples": 300}},
      "model": {"depth": 1, "width": 16}, "batch_size": 16,
      "optimizer": {"learning_rate": 0.01}})");
}

json Changed(const char* keys) {
  json config = Blobs();
  config.update(json::parse(keys), /*merge_objects=*/true);
  return config;
}

class ResumeTest : public ::testing::Test {
 protected:
  // A run to `to`; goes on from the folder `resume` and leaves its end in the
  // folder `checkpoint`, unless these are empty.
  struct Cut {
    int64_t from = 0;
    int64_t to = kEpochs;
    std::string resume;
    std::string checkpoint;
    const char* unit = "STEPS";
    int64_t max = kEpochs;
  };

  std::string Folder(const std::string& name) const {
    const std::string path = folder_.path() + "/" + name;
    std::filesystem::create_directories(path);
    return path;
  }

  static TrialFile Trial(const json& config, const Cut& cut) {
    const json file = {
        {"config", config},
        {"parameters", json::object()},
        {"seed", 5},
        {"budget",
         {{"from", cut.from},
          {"to", cut.to},
          {"max", cut.max},
          {"unit", cut.unit}}},
        {"resume", {{"folder", cut.resume}}},
        {"checkpoint", {{"folder", cut.checkpoint}, {"final", true}}}};
    const auto trial = ParseTrialFile(file.dump());
    EXPECT_TRUE(trial.ok()) << trial.error().message;
    return *trial;
  }

  static Result<TrainingOutcome> TryToRun(const json& config, const Cut& cut,
                                          Recorder& recorder) {
    const TrialFile trial = Trial(config, cut);
    const auto data =
        PrepareData(trial.config, "/nonexistent", TestPart::kUntouched);
    EXPECT_TRUE(data.ok()) << data.error().message;
    return Train(trial, *data, recorder);
  }

  static Recorder Run(const json& config, const Cut& cut,
                      Recorder recorder = Recorder()) {
    const auto outcome = TryToRun(config, cut, recorder);
    EXPECT_TRUE(outcome.ok()) << outcome.error().message;
    recorder.curves.erase("examples_per_second");
    return recorder;
  }

  static std::string RefusalOf(const json& config, const Cut& cut) {
    Recorder recorder;
    const auto outcome = TryToRun(config, cut, recorder);
    if (outcome.ok()) return "";
    EXPECT_EQ(outcome.error().kind, ErrorKind::kConfiguration);
    return outcome.error().message;
  }

  // The end of `curve`.
  static std::vector<double> From(const std::vector<double>& curve,
                                  size_t begin) {
    return {curve.begin() + static_cast<std::ptrdiff_t>(begin), curve.end()};
  }

  static void ExpectSameRest(const Recorder& whole, const Recorder& rest,
                             size_t begin) {
    for (const auto& [metric, curve] : whole.curves) {
      ASSERT_TRUE(rest.curves.contains(metric)) << metric;
      EXPECT_EQ(rest.curves.at(metric), From(curve, begin)) << metric;
    }
    EXPECT_EQ(rest.attributes, whole.attributes);
  }

  ScratchFolder folder_;
};

struct Choice {
  const char* name;
  const char* keys;
};

std::string NameOfChoice(const ::testing::TestParamInfo<Choice>& info) {
  return info.param.name;
}

class ResumeEqualsTest : public ResumeTest,
                         public ::testing::WithParamInterface<Choice> {};

TEST_P(ResumeEqualsTest, ARunCutAnywhereIsTheUncutOneBitByBit) {
  const json config = Changed(GetParam().keys);
  const Recorder whole = Run(config, {});
  for (int64_t cut = 1; cut < kEpochs; ++cut) {
    const std::string folder = Folder("cut" + std::to_string(cut));
    Run(config, {.to = cut, .checkpoint = folder});
    const Recorder rest = Run(config, {.from = cut, .resume = folder});
    ASSERT_EQ(rest.steps.front(), cut + 1);
    ExpectSameRest(whole, rest, static_cast<size_t>(cut));
  }
}

TEST_P(ResumeEqualsTest, ACutWithinAnEpochIsNoOther) {
  const json config = Changed(GetParam().keys);
  const Recorder whole = Run(config, {});
  const std::string folder = Folder("cut");
  const Recorder first =
      Run(config, {.checkpoint = folder}, Recorder(/*batches=*/20));
  EXPECT_THAT(first.checkpoints, ElementsAre(1));
  ExpectSameRest(whole, Run(config, {.resume = folder}), 1);
}

TEST_P(ResumeEqualsTest, ManyCutsInARowAreNoOther) {
  const json config = Changed(GetParam().keys);
  std::string before;
  Recorder last;
  for (int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    const std::string after = Folder("after" + std::to_string(epoch));
    last = Run(config, {.from = epoch - 1,
                        .to = epoch,
                        .resume = before,
                        .checkpoint = after});
    before = after;
  }
  ExpectSameRest(Run(config, {}), last, kEpochs - 1);
}

INSTANTIATE_TEST_SUITE_P(
    Optimizers, ResumeEqualsTest,
    ::testing::Values(
        Choice{"Sgd", R"({"optimizer": {"name": "sgd"}})"},
        Choice{"Momentum",
               R"({"optimizer": {"name": "sgd", "momentum": 0.9}})"},
        Choice{"Nesterov", R"({"optimizer": {"name": "sgd", "momentum": 0.9,
                               "nesterov": true}})"},
        Choice{"Adam", R"({"optimizer": {"name": "adam"}})"},
        Choice{"AdamW", R"({"optimizer": {"name": "adamw",
                            "weight_decay": 0.1}})"},
        Choice{"RmsProp", R"({"optimizer": {"name": "rmsprop"}})"},
        Choice{"RmsPropMomentum", R"({"optimizer": {"name": "rmsprop",
                                      "momentum": 0.5}})"}),
    NameOfChoice);

INSTANTIATE_TEST_SUITE_P(
    Parts, ResumeEqualsTest,
    ::testing::Values(
        Choice{"Dropout", R"({"model": {"dropout": 0.3}})"},
        Choice{"BatchNorm", R"({"model": {"batch_norm": true}})"},
        Choice{"DropoutAndBatchNorm",
               R"({"model": {"dropout": 0.3, "batch_norm": true,
                             "depth": 2}})"},
        Choice{"Step", R"({"schedule": {"name": "step", "step_size": 2}})"},
        Choice{"Cosine", R"({"schedule": {"name": "cosine"}})"},
        Choice{"OnlineRate", R"({"optimizer": {"online_rate": 0.05}})"},
        Choice{"SmoothedAndWeighted", R"({"label_smoothing": 0.1,
                                          "class_weights": {"2": 3}})"},
        // Steps of the vectors do not come with the ends of epochs.
        Choice{"ImplicitVectors",
               R"({"model": {"dropout": 0.2}, "vectors": {"every": 7,
                   "weight_decay": {"learn": true},
                   "example_weights": {"learn": true}}})"},
        Choice{"TruncatedVectors",
               R"({"model": {"dropout": 0.2}, "optimizer": {"name": "sgd",
                   "learning_rate": 0.1, "momentum": 0.8},
                   "schedule": {"name": "cosine"},
                   "vectors": {"method": "truncated", "every": 9,
                   "weight_decay": {"learn": true},
                   "example_weights": {"learn": true}}})"},
        Choice{"Penalties", R"({"regularization": {"l1": 1e-3,
                                                   "l2": 1e-3}})"}),
    NameOfChoice);

TEST_F(ResumeTest, VectorsComeAndGoButNotTheirPartOfTheValidation) {
  const json both = Changed(R"({"vectors": {
      "weight_decay": {"learn": true}, "example_weights": {"learn": true}}})");
  const json decays =
      Changed(R"({"vectors": {"weight_decay": {"learn": true}}})");
  Run(both, {.to = 2, .checkpoint = Folder("both")});
  const Recorder rest = Run(decays, {.from = 2, .resume = Folder("both")});
  EXPECT_FALSE(rest.curves.contains("example_weight_mean"));
  const Recorder learnt = Run(both, {.from = 0, .to = 3});
  EXPECT_EQ(Run(both, {.from = 2, .to = 3, .resume = Folder("both")})
                .curves.at("weight_decay_max")[0],
            learnt.curves.at("weight_decay_max")[2]);
  EXPECT_THAT(RefusalOf(Blobs(), {.from = 2, .resume = Folder("both")}),
              HasSubstr("vectors.fraction: the checkpoint to resume is of 0.5, "
                        "this trial has none"));
}

TEST_F(ResumeTest, CosineFallsTowardsTheLargestBudgetOfTheStudy) {
  const json config = Changed(R"({"schedule": {"name": "cosine"}})");
  const Recorder part = Run(config, {.to = 2, .max = 27});
  const Recorder whole = Run(config, {.to = 27, .max = 27});
  const std::vector<double>& rates = whole.curves.at("learning_rate");
  EXPECT_THAT(part.curves.at("learning_rate"), ElementsAre(rates[0], rates[1]));
  EXPECT_LT(rates.back(), 0.01 * rates.front());
}

TEST_F(ResumeTest, WithoutACheckpointItTrainsAgainInSilence) {
  const Recorder rest = Run(Blobs(), {.from = 4});
  EXPECT_THAT(rest.steps, ElementsAre(5, 6));
  ExpectSameRest(Run(Blobs(), {}), rest, 4);
  EXPECT_THAT(rest.notes, HasSubstr("There is no checkpoint"));
}

TEST_F(ResumeTest, AnOldCheckpointOfTheParentIsCaughtUpInSilence) {
  Run(Blobs(), {.to = 2, .checkpoint = Folder("two")});
  const Recorder rest = Run(Blobs(), {.from = 4, .resume = Folder("two")});
  EXPECT_THAT(rest.steps, ElementsAre(5, 6));
  ExpectSameRest(Run(Blobs(), {}), rest, 4);
}

TEST_F(ResumeTest, ARunThatWasLostAtItsEndOnlyMeasuresAgain) {
  const Recorder whole = Run(Blobs(), {.checkpoint = Folder("end")});
  const Recorder again = Run(Blobs(), {.resume = Folder("end")});
  EXPECT_THAT(again.steps, ElementsAre(kEpochs));
  ExpectSameRest(whole, again, kEpochs - 1);
}

// A learning rate that changes nothing shows that the weights are the old ones.
void StandStill(json& config) { config["optimizer"]["learning_rate"] = 1e-30; }

class ChangedOnTheWayTest : public ResumeTest,
                            public ::testing::WithParamInterface<Choice> {};

TEST_P(ChangedOnTheWayTest, TheWeightsAreKept) {
  const Recorder first = Run(Blobs(), {.to = 3, .checkpoint = Folder("three")});
  json config = Changed(GetParam().keys);
  StandStill(config);
  const Recorder rest = Run(config, {.from = 3, .resume = Folder("three")});
  EXPECT_EQ(rest.curves.at("loss").back(), first.curves.at("loss").back());
}

INSTANTIATE_TEST_SUITE_P(
    All, ChangedOnTheWayTest,
    ::testing::Values(
        Choice{"LearningRate", "{}"},
        Choice{"Dropout", R"({"model": {"dropout": 0.5}})"},
        Choice{"BatchSize", R"({"batch_size": 7})"},
        Choice{"Seed", R"({"seed": 99})"},
        Choice{"Sgd", R"({"optimizer": {"name": "sgd", "momentum": 0.9}})"},
        Choice{"RmsProp", R"({"optimizer": {"name": "rmsprop"}})"},
        Choice{"AdamW", R"({"optimizer": {"name": "adamw"}})"},
        Choice{"Betas", R"({"optimizer": {"beta1": 0.5, "beta2": 0.9}})"}),
    NameOfChoice);

TEST_F(ResumeTest, AnotherOptimizerIsTold) {
  Run(Blobs(), {.to = 3, .checkpoint = Folder("adam")});
  const Recorder rest = Run(Changed(R"({"optimizer": {"name": "sgd"}})"),
                            {.from = 3, .resume = Folder("adam")});
  EXPECT_THAT(rest.notes,
              HasSubstr("The checkpoint is of adam: sgd begins anew"));
}

TEST_F(ResumeTest, MomentumMayBeginOnTheWay) {
  for (const char* name : {"sgd", "rmsprop"}) {
    json config = Blobs();
    config["optimizer"]["name"] = name;
    Run(config, {.to = 3, .checkpoint = Folder(name)});
    const Recorder without = Run(config, {.from = 3, .resume = Folder(name)});
    config["optimizer"]["momentum"] = 0.9;
    const Recorder with = Run(config, {.from = 3, .resume = Folder(name)});
    EXPECT_NE(with.curves.at("loss"), without.curves.at("loss")) << name;
    EXPECT_GT(with.curves.at("accuracy").back(), 0.8) << name;
  }
}

TEST_F(ResumeTest, AnotherNetworkLossOrDataIsRefusedByKey) {
  const std::string folder = Folder("narrow");
  Run(Blobs(), {.to = 3, .checkpoint = folder});
  const auto refusal = [&](const char* keys) {
    return RefusalOf(Changed(keys), {.from = 3, .resume = folder});
  };
  EXPECT_THAT(refusal(R"({"model": {"width": 32}})"),
              HasSubstr("model.width: the checkpoint to resume is of 16, this "
                        "trial has 32; a continued training may change"));
  EXPECT_THAT(refusal(R"({"model": {"depth": 2}})"), HasSubstr("model.depth"));
  EXPECT_THAT(refusal(R"({"model": {"activation": "tanh"}})"),
              HasSubstr("model.activation: the checkpoint to resume is of "
                        "\"relu\", this trial has \"tanh\""));
  EXPECT_THAT(refusal(R"({"loss": "mse"})"), HasSubstr("loss: "));
  EXPECT_THAT(refusal(R"({"data": {"split_seed": 1}})"),
              HasSubstr("data.split_seed: "));
}

TEST_F(ResumeTest, AFolderWithoutACheckpointIsAFailure) {
  Recorder recorder;
  const auto outcome = TryToRun(Blobs(), {.resume = Folder("empty")}, recorder);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kFailure);
  EXPECT_THAT(outcome.error().message, HasSubstr("empty/trainer.pt is no "));
}

TEST_F(ResumeTest, ADamagedCheckpointIsAFailure) {
  Run(Blobs(), {.to = 3, .checkpoint = Folder("half")});
  const std::string file = Folder("half") + "/trainer.pt";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  Recorder recorder;
  const auto outcome = TryToRun(Blobs(), {.resume = Folder("half")}, recorder);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kFailure);
}

TEST_F(ResumeTest, ACheckpointIsMadeWhereItIsDueAndAtTheEnd) {
  const json config = Changed(R"({"checkpoint": {"every_seconds": 1e-9}})");
  const Recorder recorder = Run(config, {.to = 2, .checkpoint = Folder("all")});
  // After each batch, since each is overdue; those of an epoch have its step.
  EXPECT_EQ(recorder.checkpoints.size(), 26U);
  EXPECT_EQ(recorder.checkpoints.front(), 0);
  EXPECT_EQ(recorder.checkpoints.back(), 2);
}

TEST_F(ResumeTest, WithZeroSecondsOnlyTheEndIsSaved) {
  const json config = Changed(R"({"checkpoint": {"every_seconds": 0}})");
  EXPECT_THAT(Run(config, {.checkpoint = Folder("end")}).checkpoints,
              ElementsAre(kEpochs));
}

TEST_F(ResumeTest, WhatNobodyWillGoOnFromIsNotSaved) {
  TrialFile trial = Trial(Blobs(), {.checkpoint = Folder("none")});
  trial.final_checkpoint = false;
  const auto data =
      PrepareData(trial.config, "/nonexistent", TestPart::kUntouched);
  Recorder recorder;
  ASSERT_TRUE(Train(trial, *data, recorder).ok());
  EXPECT_THAT(recorder.checkpoints, IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(Folder("none")));
}

TEST_F(ResumeTest, ADivergedStateIsNotSaved) {
  const json config =
      Changed(R"({"optimizer": {"name": "sgd", "learning_rate": 1000},
                  "loss": "mse", "checkpoint": {"every_seconds": 1e-9}})");
  Recorder recorder = Run(config, {.to = 40, .checkpoint = Folder("nan")});
  ASSERT_FALSE(std::isfinite(recorder.curves.at("train_loss").back()));
  ASSERT_FALSE(recorder.checkpoints.empty());
  EXPECT_LT(recorder.checkpoints.back(), recorder.steps.back());
}

TEST_F(ResumeTest, AFolderThatCannotBeWrittenCostsNothingButTheCheckpoint) {
  const Recorder recorder =
      Run(Blobs(), {.checkpoint = folder_.path() + "/missing"});
  EXPECT_EQ(recorder.steps.size(), size_t{kEpochs});
  EXPECT_THAT(recorder.checkpoints, IsEmpty());
  EXPECT_THAT(recorder.notes, HasSubstr("No checkpoint at step 6: "));
}

TEST_F(ResumeTest, SecondsCountOverAllRunsAndEndWithinAnEpoch) {
  // An epoch of 60,000 examples in small batches takes longer than a second.
  const json config = Changed(R"({"batch_size": 1,
      "data": {"synthetic": {"examples": 90000}}})");
  const std::string folder = Folder("one");
  const Recorder first =
      Run(config, {.to = 1, .checkpoint = folder, .unit = "SECONDS", .max = 2});
  EXPECT_EQ(first.steps.back(), 1);
  EXPECT_THAT(first.checkpoints, ElementsAre(1));
  const Recorder second =
      Run(config,
          {.from = 1, .to = 2, .resume = folder, .unit = "SECONDS", .max = 2});
  EXPECT_THAT(second.notes, HasSubstr("Goes on from step 1, after "));
  EXPECT_EQ(second.steps.back(), 2);
}

TEST_F(ResumeTest, ExamplesAreASubsetTrainedFromTheBeginning) {
  json config = Blobs();
  config["epochs"] = 4;
  const std::string folder = Folder("small");
  const Recorder small =
      Run(config, {.to = 50, .checkpoint = folder, .unit = "EXAMPLES"});
  EXPECT_THAT(small.steps, ElementsAre(50));
  const Recorder large = Run(
      config, {.from = 50, .to = 150, .resume = folder, .unit = "EXAMPLES"});
  EXPECT_THAT(large.steps, ElementsAre(150));
  EXPECT_THAT(large.notes, HasSubstr("The checkpoint is of 50 training "
                                     "examples: trained from the beginning"));
  config["data"]["train_examples"] = 150;
  EXPECT_EQ(large.curves.at("loss").back(),
            Run(config, {.to = 4, .max = 4}).curves.at("loss").back());
}

}  // namespace
}  // namespace assay
