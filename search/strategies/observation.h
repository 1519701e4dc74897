#pragma once

#include <vector>

#include "search/gradient/unit_gradient.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// A finished trial as strategies that learn see it: encoded, and with values of
// which larger is better.
struct Observation {
  TrialId id;  // None: of an earlier study.
  TrialState state = TrialState::kCompleted;
  Origin origin;
  Parameters parameters;
  std::vector<double> point;  // [encoded_size], see SearchSpace::Encode().
  // [objectives], larger is better (a metric to minimize is negated). NaN: the
  // trial has none, as after a failure, or it is not finite.
  std::vector<double> values;
  // [bounded metrics], by how much the bound is missed: feasible if all are
  // <= 0. NaN: not known.
  std::vector<double> violations;
  int64_t last_step = 0;
  int32_t replicate = 0;
  int32_t runs = 1;  // The values are means of so many.

  // What it had reported on the way, by rising step, for strategies that want
  // it: the steps at which it reported an objective.
  struct Point {
    int64_t step = 0;
    // [objectives], of each the last value up to here, as above. NaN: none yet,
    // or not finite.
    std::vector<double> values;
  };
  std::vector<Point> curve;

  // [objectives], of `values` by `point`, larger is better: what was reported
  // with the measurement that gave the value, the last such. Nothing is known
  // of an objective without; empty: of none.
  std::vector<UnitGradient> gradients;

  // COMPLETED, with each objective's value.
  bool IsComplete() const;
  // STOPPED early, with each objective's value at `last_step`.
  bool IsStopped() const;
  // Neither: FAILED, INFEASIBLE, or without a finite value of an objective.
  bool HasFailed() const { return !IsComplete() && !IsStopped(); }
  // Each bound is known to be kept.
  bool IsFeasible() const;
  // Sum of what is missed; infinite if one is not known. 0: feasible.
  double Violation() const;
};

// `curve`: the trial's measurements in the order of their arrival; of one step
// and metric the last counts. Gradients come from these too. REQUIRES:
// spec.space.Check(trial.parameters).ok().
Observation ToObservation(const Trial& trial, const StudySpec& spec,
                          const std::vector<Measurement>& curve = {});

}  // namespace assay
