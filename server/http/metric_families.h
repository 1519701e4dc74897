#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "server/http/metric_info.h"

namespace assay {

// The families of a program's list of metrics: their names, types and help come
// from there, so that the list is what a scrape shows. Thread-safe.
class MetricFamilies {
 public:
  // `list` must outlive this.
  explicit MetricFamilies(absl::Span<const MetricInfo> list) : list_(list) {}

  // REQUIRES: the list has the name, with this type.
  prometheus::Family<prometheus::Gauge>& Gauges(absl::string_view name);
  prometheus::Family<prometheus::Counter>& Counters(absl::string_view name);
  prometheus::Family<prometheus::Histogram>& Histograms(absl::string_view name);
  // The one series of a family without labels.
  prometheus::Gauge& Gauge(absl::string_view name);
  prometheus::Counter& Counter(absl::string_view name);

  // Prometheus' text format 0.0.4.
  std::string Serialize() const;

 private:
  template <typename Builder>
  auto& Register(Builder builder, absl::string_view name,
                 absl::string_view type);

  const absl::Span<const MetricInfo> list_;
  prometheus::Registry registry_;
};

// Raises the counter to a total that is counted elsewhere; never lowers it.
void RaiseTo(prometheus::Counter& counter, double total);

}  // namespace assay
