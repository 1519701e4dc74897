#pragma once

#include <vector>

namespace assay {

// A number of results at which the model's parameters are fitted. Between two
// of them rows are appended.
struct FitPoint {
  int count = 0;
  // Also chooses the output transform. Each fit starts from where the last
  // anchor before it ended, so that a model is a function of the results alone
  // and a restart repeats the few anchors instead of every fit.
  bool anchor = false;
};

// The points up to `count` results, rising: each count up to 100, then in steps
// of 4 %, from 1,000 on of 64. Anchors are at least a quarter apart, from 4 on.
std::vector<FitPoint> FitPointsUpTo(int count);

}  // namespace assay
