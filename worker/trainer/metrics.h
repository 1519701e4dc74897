#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/trainer/configuration.h"

namespace assay {

struct Metric {
  std::string name;
  double value = 0;  // May be NaN or infinite.
};
using Metrics = std::vector<Metric>;  // In the order in which people read them.

// d metric / d parameter, in natural units, and the standard deviation of that
// number: NaN where it is not known.
struct PartialDerivative {
  std::string parameter;
  double value = 0;
  double deviation = 0;
};

// How it was come by: see hypergradient/hypergradient.h.
struct MetricGradient {
  std::string metric;
  std::vector<PartialDerivative> by_parameter;
  std::optional<double> residual;
  double seconds = 0;
};

// The names of the metrics that each epoch reports, all on the validation part
// but train_loss, learning_rate and examples_per_second.
std::vector<std::string> MetricNames(Task task);

// What is reported of vectors that are learnt; none if there are none.
std::vector<std::string> VectorMetricNames(const VectorsConfig& config);

// Counts of classifications by true class (row) and predicted class (column).
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int64_t classes);

  void Add(int64_t truth, int64_t predicted);

  int64_t at(int64_t truth, int64_t predicted) const {
    return counts_[truth * classes_ + predicted];
  }

  // The part on the diagonal. NaN without examples, like those below.
  double Accuracy() const;

  // Macro averages over the classes that occur, as truth or as prediction. A
  // class that is never predicted has precision 0; one that never is the truth,
  // recall 0.
  double Precision() const;
  double Recall() const;
  double F1() const;

  std::string ToJson() const;  // [[5,0],[1,4]]

 private:
  struct ClassCounts {
    double hits = 0;
    double truths = 0;
    double predictions = 0;
  };
  ClassCounts CountsOf(int64_t label) const;
  // The mean of score(counts) over the classes that occur.
  double MacroAverage(double (*score)(const ClassCounts&)) const;

  int64_t classes_;
  std::vector<int64_t> counts_;  // [classes, classes].
};

// Errors of a regression. All NaN without examples.
class RegressionErrors {
 public:
  void Add(double truth, double predicted);

  double Mse() const;
  double Rmse() const;
  double Mae() const;
  // 1 - (sum of squared errors) / (sum of squares about the mean). With a
  // constant truth: 1 if there is no error, else 0.
  double R2() const;

 private:
  int64_t count_ = 0;
  double squared_ = 0;
  double absolute_ = 0;
  double mean_ = 0;  // Welford's running mean and squares of the truth.
  double about_mean_ = 0;
};

}  // namespace assay
