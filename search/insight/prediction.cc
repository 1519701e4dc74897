#include "search/insight/prediction.h"

#include <algorithm>

namespace assay {
namespace {

// From the process's unit, where larger is better: turned for a metric to
// minimize.
Interval ToInterval(const MetricUnit& unit, const NoisyBelief& belief,
                    double width) {
  const double reach = width * belief.deviation;
  const double a = unit.ToValue(belief.mean - reach);
  const double b = unit.ToValue(belief.mean + reach);
  return {std::min(a, b), std::max(a, b)};
}

std::optional<double> KeepsBound(const StudyModel& model,
                                 const NoisyBelief& belief) {
  if (!model.metric().bound) return std::nullopt;
  const double missing =
      model.unit().ToTarget(*model.metric().bound) - belief.mean;
  return 1 - model.calibration().Cdf(missing / belief.deviation);
}

}  // namespace

Prediction ToPrediction(const MetricUnit& unit, const NoisyBelief& belief,
                        const Widths& widths) {
  return {.median = unit.ToValue(belief.mean),
          .half = ToInterval(unit, belief, widths.half),
          .most = ToInterval(unit, belief, widths.most)};
}

std::vector<Prediction> Predict(const StudyModel& model,
                                absl::Span<const Parameters> configurations) {
  std::vector<std::vector<double>> points;
  for (const Parameters& parameters : configurations) {
    points.push_back(model.spec().space.Encode(parameters));
  }
  const Widths widths{model.calibration().Width(0.5),
                      model.calibration().Width(0.9)};
  std::vector<Prediction> predictions;
  for (const NoisyBelief& belief : model.Believe(points)) {
    predictions.push_back(ToPrediction(model.unit(), belief, widths));
    predictions.back().keeps_bound = KeepsBound(model, belief);
  }
  return predictions;
}

}  // namespace assay
