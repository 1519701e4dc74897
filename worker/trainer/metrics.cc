#include "worker/trainer/metrics.h"

#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

std::vector<std::string> MetricNames(Task task) {
  if (task == Task::kRegression) {
    return {"loss", "mse",        "rmse",          "mae",
            "r2",   "train_loss", "learning_rate", "examples_per_second"};
  }
  return {"loss", "accuracy",   "precision",     "recall",
          "f1",   "train_loss", "learning_rate", "examples_per_second"};
}

std::vector<std::string> VectorMetricNames(const VectorsConfig& config) {
  std::vector<std::string> names;
  if (!config.Any()) return names;
  const auto add = [&names](const std::string& vector) {
    for (const char* summary :
         {"_mean", "_deviation", "_min", "_q10", "_median", "_q90", "_max"}) {
      names.push_back(vector + summary);
    }
  };
  if (config.weight_decay.learn) add("weight_decay");
  if (config.example_weights.learn) {
    add("example_weight");
    names.emplace_back("example_weight_low");
  }
  names.emplace_back("vector_failures");
  return names;
}

ConfusionMatrix::ConfusionMatrix(int64_t classes)
    : classes_(classes), counts_(classes * classes) {}

void ConfusionMatrix::Add(int64_t truth, int64_t predicted) {
  ++counts_[truth * classes_ + predicted];
}

ConfusionMatrix::ClassCounts ConfusionMatrix::CountsOf(int64_t label) const {
  ClassCounts counts;
  counts.hits = static_cast<double>(at(label, label));
  for (int64_t other = 0; other < classes_; ++other) {
    counts.truths += static_cast<double>(at(label, other));
    counts.predictions += static_cast<double>(at(other, label));
  }
  return counts;
}

double ConfusionMatrix::Accuracy() const {
  double hits = 0;
  double all = 0;
  for (int64_t label = 0; label < classes_; ++label) {
    const ClassCounts counts = CountsOf(label);
    hits += counts.hits;
    all += counts.truths;
  }
  return all > 0 ? hits / all : kNaN;
}

double ConfusionMatrix::MacroAverage(
    double (*score)(const ClassCounts&)) const {
  double sum = 0;
  int64_t occurring = 0;
  for (int64_t label = 0; label < classes_; ++label) {
    const ClassCounts counts = CountsOf(label);
    if (counts.truths + counts.predictions == 0) continue;
    sum += score(counts);
    ++occurring;
  }
  return occurring > 0 ? sum / static_cast<double>(occurring) : kNaN;
}

double ConfusionMatrix::Precision() const {
  return MacroAverage(
      [](const ClassCounts& c) { return Ratio(c.hits, c.predictions); });
}

double ConfusionMatrix::Recall() const {
  return MacroAverage(
      [](const ClassCounts& c) { return Ratio(c.hits, c.truths); });
}

double ConfusionMatrix::F1() const {
  return MacroAverage([](const ClassCounts& c) {
    return Ratio(2 * c.hits, c.truths + c.predictions);
  });
}

std::string ConfusionMatrix::ToJson() const {
  std::string json = "[";
  for (int64_t truth = 0; truth < classes_; ++truth) {
    json += truth == 0 ? "[" : ",[";
    for (int64_t predicted = 0; predicted < classes_; ++predicted) {
      if (predicted > 0) json += ',';
      json += std::to_string(at(truth, predicted));
    }
    json += "]";
  }
  return json + "]";
}

void RegressionErrors::Add(double truth, double predicted) {
  const double error = predicted - truth;
  ++count_;
  squared_ += error * error;
  absolute_ += std::abs(error);
  const double shift = truth - mean_;
  mean_ += shift / static_cast<double>(count_);
  about_mean_ += shift * (truth - mean_);
}

double RegressionErrors::Mse() const {
  return count_ > 0 ? squared_ / static_cast<double>(count_) : kNaN;
}

double RegressionErrors::Rmse() const { return std::sqrt(Mse()); }

double RegressionErrors::Mae() const {
  return count_ > 0 ? absolute_ / static_cast<double>(count_) : kNaN;
}

double RegressionErrors::R2() const {
  if (count_ == 0) return kNaN;
  if (about_mean_ == 0) return squared_ == 0 ? 1 : 0;
  return 1 - squared_ / about_mean_;
}

}  // namespace assay
