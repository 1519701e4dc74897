#pragma once

#include "absl/time/time.h"
#include "server/http/metric_families.h"

namespace assay {

// What Prometheus' client libraries show of their own process, under their
// names: processor time, memory, descriptors, start.
class ProcessMetrics {
 public:
  // REQUIRES: the list of `families`, which must outlive this, has them.
  ProcessMetrics(MetricFamilies& families, absl::Time started);

  // As they are now, from /proc.
  void Measure();

 private:
  prometheus::Counter& cpu_seconds_;
  prometheus::Gauge& resident_bytes_;
  prometheus::Gauge& open_descriptors_;
  prometheus::Gauge& max_descriptors_;
};

}  // namespace assay
