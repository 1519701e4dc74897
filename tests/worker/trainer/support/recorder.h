#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/trainer/progress.h"

namespace assay {

// Keeps what a training tells; asks to stop after so many batches. Takes each
// checkpoint at once.
class Recorder : public Progress {
 public:
  explicit Recorder(int64_t batches = -1) : batches_left_(batches) {}

  void Report(int64_t step, const Metrics& metrics,
              const std::optional<MetricGradient>& gradient) override {
    steps.push_back(step);
    if (gradient.has_value()) gradients[step] = *gradient;
    for (const Metric& metric : metrics) {
      curves[metric.name].push_back(metric.value);
    }
  }
  void Attribute(const std::string& key, const std::string& value) override {
    attributes[key] = value;
  }
  void Note(const std::string& text) override { notes += text + "\n"; }
  void AnnounceCheckpoint(int64_t step) override {
    checkpoints.push_back(step);
  }
  bool CheckpointAnswered() override { return true; }
  void AwaitCheckpoint() override {}
  std::optional<std::string> StopReason() override {
    if (batches_left_ < 0 || --batches_left_ > 0) return std::nullopt;
    return "enough";
  }

  std::vector<int64_t> steps;
  std::map<std::string, std::vector<double>> curves;
  std::map<int64_t, MetricGradient> gradients;  // By step.
  std::map<std::string, std::string> attributes;
  std::vector<int64_t> checkpoints;  // The steps announced.
  std::string notes;

 private:
  int64_t batches_left_;
};

}  // namespace assay
