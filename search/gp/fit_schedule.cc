#include "search/gp/fit_schedule.h"

namespace assay {
namespace {

constexpr int kEachUpTo = 100;
constexpr int kStepsUpTo = 1000;
constexpr int kLastStep = 64;
constexpr int kFirstAnchor = 4;

int Next(int count) {
  if (count < kEachUpTo) return count + 1;
  if (count < kStepsUpTo) return count + (count + 24) / 25;
  return count + kLastStep;
}

}  // namespace

std::vector<FitPoint> FitPointsUpTo(int count) {
  std::vector<FitPoint> points;
  int next_anchor = kFirstAnchor;
  for (int at = 1; at <= count; at = Next(at)) {
    const bool anchor = at >= next_anchor;
    if (anchor) next_anchor = at + (at + 3) / 4;
    points.push_back({at, anchor});
  }
  return points;
}

}  // namespace assay
