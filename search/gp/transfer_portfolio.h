#pragma once

#include <string>
#include <vector>

#include "search/gp/transfer_sources.h"

namespace assay {

// Configurations to begin with, without any result yet: of the best ones of all
// sources, each is the one that lowers the mean over sources (and objectives)
// of the normalised regret most,
//
//   min over the portfolio of (max_s - mean_s(x)) / (max_s - median_s),
//
// as the sources' models see it: max and median of mean_s over its own trials.
// (A greedy portfolio, Wistuba et al. 2015.)
class TransferPortfolio {
 public:
  struct Point {
    std::vector<double> point;  // [encoded_size]
    std::string why;  // "start: number 1 of a portfolio of 3 earlier ...".
  };

  // REQUIRES: sources.Fit(). At most `count` points, best first, each
  // different.
  static std::vector<Point> Make(const TransferSources& sources, int objectives,
                                 int count);
};

}  // namespace assay
