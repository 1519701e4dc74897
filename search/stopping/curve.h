#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "search/study.h"

namespace assay {

// What a rule looks at, turned so that lower is better.
struct Watched {
  std::string metric;
  Goal goal = Goal::kMinimize;
};

// The metric that `spec.stopping` watches.
Watched WatchedMetric(const StudySpec& spec);

// "0.61", of a cost; "nan" of infinity.
std::string CostText(double cost, Goal goal);

// The value turned so that lower is better; NaN is infinity.
double ToCost(double value, Goal goal);

// The costs of one attempt by step, each step once. In order of steps a report
// is O(1); a late one costs the steps after it.
class Curve {
 public:
  struct Point {
    int64_t step;
    double cost;
    double mean;        // Of all costs up to here.
    double best;        // The lowest up to here.
    double mark;        // The last that lay below the one before by min_delta.
    int64_t mark_step;  // Where it was.
  };

  explicit Curve(double min_delta = 0) : min_delta_(min_delta) {}

  // Replaces the cost if the step is there already.
  void Add(int64_t step, double cost);

  const std::vector<Point>& points() const { return points_; }

  // The first point at `step` or later, the last at `step` or earlier; nullptr
  // if there is none.
  const Point* FirstFrom(int64_t step) const;
  const Point* LastUpTo(int64_t step) const;

 private:
  void Summarize(size_t i);

  double min_delta_;
  std::vector<Point> points_;  // By step.
};

// The point at which a trial is judged: its first at or after the last of
// `warmup`, `warmup` + `interval`, ... that it reached. nullptr before that.
const Curve::Point* JudgedPoint(const Curve& curve, int64_t warmup,
                                int64_t interval);

// The curves of the running trials: each of its last attempt.
class RunningCurves {
 public:
  RunningCurves(Watched watched, double min_delta)
      : watched_(std::move(watched)), min_delta_(min_delta) {}

  const Watched& watched() const { return watched_; }

  // The trial's curve with the measurement added; nullptr if that says nothing
  // of the metric, or belongs to an attempt before the last.
  const Curve* Add(TrialId trial, int32_t attempt,
                   const Measurement& measurement);

  // nullptr if nothing was reported.
  const Curve* Find(TrialId trial) const;

  // Forgets the trial and returns its curve, empty if there is none.
  Curve Remove(TrialId trial);

 private:
  struct Run {
    int32_t attempt;
    Curve curve;
  };

  const Watched watched_;
  const double min_delta_;
  absl::flat_hash_map<TrialId, Run> runs_;
};

}  // namespace assay
