#pragma once

#include <set>
#include <vector>

#include "search/strategies/observation.h"
#include "search/strategies/tpe/standing.h"

namespace assay {

// The good ones of n results: the best min(ceil(0.15 n), 25) by Standing; with
// several objectives, those that completed by SelectByFronts(). A result that
// failed is never good.
class Split {
 public:
  static constexpr int kMostGood = 25;

  // O(log n).
  void Add(const Observation& observation);
  // The result `order` of Add() is this now. O(log n).
  void Replace(int order, const Observation& observation);

  int size() const { return size_; }

  // Which, by order of Add() from 0, sorted.
  std::vector<int> Good() const;

 private:
  void Insert(const Standing& standing, const Observation& observation);
  void Balance();
  std::vector<int> SelectCompleted(size_t count) const;

  int size_ = 0;
  std::vector<Standing> standings_;  // By order.
  int usable_ = 0;                   // Results that did not fail.
  std::set<Standing> good_;          // None is worse than one of rest_.
  std::set<Standing> rest_;

  // Results within the bounds, if there are several objectives.
  std::vector<std::vector<double>> completed_;
  std::vector<int> completed_order_;
};

}  // namespace assay
