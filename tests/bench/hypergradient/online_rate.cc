// Hypergradient descent of the learning rate (Baydin 2018) beside the same
// rates left alone.

#include <cstdio>
#include <iostream>

#include "nlohmann/json.hpp"
#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/train.h"
#include "worker/trainer/trial_file.h"

namespace assay {
namespace {

// Of a training only its end counts here.
class Silence : public Progress {
 public:
  void Report(int64_t, const Metrics&,
              const std::optional<MetricGradient>&) override {}
  void Attribute(const std::string&, const std::string&) override {}
  void Note(const std::string&) override {}
  void AnnounceCheckpoint(int64_t) override {}
  bool CheckpointAnswered() override { return true; }
  void AwaitCheckpoint() override {}
  std::optional<std::string> StopReason() override { return std::nullopt; }
};

double MetricOf(const Metrics& metrics, const std::string& name) {
  for (const Metric& metric : metrics) {
    if (metric.name == name) return metric.value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

Metrics TrainWith(const nlohmann::json& optimizer,
                  const std::string& data_root) {
  const nlohmann::json config = {
      {"data", {{"train_examples", 5000}, {"validation_examples", 2000}}},
      {"model", {{"depth", 1}}},
      {"epochs", 5},
      {"seed", 1},
      {"optimizer", optimizer}};
  const auto trial = ParseTrialFile(config.dump());
  const auto data = PrepareData(trial->config, data_root, TestPart::kUntouched);
  Silence silence;
  const auto outcome = Train(*trial, *data, silence);
  return outcome.ok() ? outcome->metrics : Metrics();
}

}  // namespace

void DescendOnline(const BenchOptions& options) {
  std::printf(
      "\nOnline learning rate: MLP 128, 5000 images, 5 epochs; training loss "
      "/\n"
      "validation loss at the end, rate left alone and with online_rate 0.05\n"
      "  %-10s %-10s %18s %18s %12s\n",
      "optimizer", "rate", "alone", "online", "last rate");
  for (const char* name : {"sgd", "adam"}) {
    for (const double rate : {1e-5, 1e-4, 1e-3, 1e-2}) {
      const Metrics alone = TrainWith({{"name", name}, {"learning_rate", rate}},
                                      options.data_root);
      const Metrics online = TrainWith(
          {{"name", name}, {"learning_rate", rate}, {"online_rate", 0.05}},
          options.data_root);
      std::printf("  %-10s %-10.0e %9.4f/%-8.4f %9.4f/%-8.4f %12.2e\n", name,
                  rate, MetricOf(alone, "train_loss"), MetricOf(alone, "loss"),
                  MetricOf(online, "train_loss"), MetricOf(online, "loss"),
                  MetricOf(online, "learning_rate"));
    }
  }
}

}  // namespace assay
