#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/http/metric_info.h"

namespace assay {

// "name type labels" of each family that a scrape shows, by name; le, which
// belongs to the type, left out.
std::vector<std::string> ScrapedFamilies(const std::string& scrape);
// The same of a list.
std::vector<std::string> ListedFamilies(absl::Span<const MetricInfo> list);

// The rows of the documented table that are of `program` ("coordinator",
// "worker") or both: "name | type | labels | meaning".
std::vector<std::string> DocumentedRows(const std::string& path,
                                        absl::string_view program);
// The same of a list: what the table has to say.
std::vector<std::string> ListedRows(absl::Span<const MetricInfo> list);

}  // namespace assay
