#include "server/http/metric_families.h"

#include <algorithm>
#include <cassert>

#include "prometheus/text_serializer.h"

namespace assay {

template <typename Builder>
auto& MetricFamilies::Register(Builder builder, absl::string_view name,
                               absl::string_view type) {
  const auto info =
      std::find_if(list_.begin(), list_.end(),
                   [&](const MetricInfo& one) { return one.name == name; });
  assert(info != list_.end() && info->type == type);
  (void)type;
  return builder.Name(std::string(info->name))
      .Help(std::string(info->meaning))
      .Register(registry_);
}

prometheus::Family<prometheus::Gauge>& MetricFamilies::Gauges(
    absl::string_view name) {
  return Register(prometheus::BuildGauge(), name, "gauge");
}

prometheus::Family<prometheus::Counter>& MetricFamilies::Counters(
    absl::string_view name) {
  return Register(prometheus::BuildCounter(), name, "counter");
}

prometheus::Family<prometheus::Histogram>& MetricFamilies::Histograms(
    absl::string_view name) {
  return Register(prometheus::BuildHistogram(), name, "histogram");
}

prometheus::Gauge& MetricFamilies::Gauge(absl::string_view name) {
  return Gauges(name).Add({});
}

prometheus::Counter& MetricFamilies::Counter(absl::string_view name) {
  return Counters(name).Add({});
}

std::string MetricFamilies::Serialize() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

void RaiseTo(prometheus::Counter& counter, double total) {
  counter.Increment(std::max(0.0, total - counter.Value()));
}

}  // namespace assay
