#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "search/strategies/fingerprint.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// What the runs of one configuration and budget say of a metric.
struct StudyRow {
  TrialId id;          // Of the first of its trials.
  int64_t number = 0;  // Of the same.
  int32_t count = 0;   // Trials of which `value` is the mean.
  double value = 0;    // In the metric's unit.
  Parameters parameters = {};
};

// The rows of each declared metric of a study, collected from its trials
// without their parameters: 32 bytes for each configuration and metric and 35
// for the configuration, so that a million trials can be looked at.
//
// Trials count that are COMPLETED with a finite value of the metric. In a study
// with a schedule those of one budget, as OfOneBudget() has it
// (search/lineages.h): the largest that EnoughConfigurations() were trained to,
// else the smallest.
class StudyRows {
 public:
  explicit StudyRows(const StudySpec& spec);

  // In any order; the same order gives the same rows to the last digit.
  void Add(Trial trial);

  // By number, without parameters. Of more than `most` configurations the
  // `best` best, and of the others evenly spread ones. REQUIRES: 0 < best, best
  // + 2 <= most.
  std::vector<StudyRow> Choose(int metric, int most, int best) const;

 private:
  struct Cell {
    TrialId id;
    int64_t number = 0;
    double mean = 0;
    int32_t count = 0;  // 0: no trial has a value.
  };

  // The rows that can be compared, by number.
  std::vector<StudyRow> OfOneBudget(int metric) const;

  std::vector<MetricSpec> metrics_;
  bool has_schedule_;
  size_t enough_;
  absl::flat_hash_map<Fingerprint, size_t> places_;
  std::vector<Cell> cells_;  // [configurations][metrics]
  // [configurations] with a schedule, else empty: where the run ended.
  std::vector<int64_t> steps_;
};

}  // namespace assay
