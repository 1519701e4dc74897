#pragma once

#include "absl/strings/string_view.h"

namespace assay {

// One line of a program's list of metrics: what a scrape shows under this name.
struct MetricInfo {
  absl::string_view name;
  absl::string_view type;    // "gauge", "counter", "histogram".
  absl::string_view labels;  // "study, id, state"; empty: none.
  absl::string_view meaning;
};

}  // namespace assay
