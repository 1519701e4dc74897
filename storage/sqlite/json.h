#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/checkpoint.h"
#include "search/parameter.h"
#include "search/trial.h"

namespace assay {

// Values as JSON text, so that people can read a row: {"loss":0.25}. Doubles
// round-trip and always have a point or an exponent, integers never do. What
// JSON has no number for is "NaN", "Infinity" or "-Infinity"; where a text may
// stand too (parameters) it is {"double":"NaN"}. The sign of a NaN is lost.

using Counts = std::map<std::string, int64_t>;
using Gradients = std::map<std::string, std::map<std::string, double>>;

// InvalidArgument, naming it, if a name or text is not UTF-8.
absl::StatusOr<std::string> EncodeMetrics(const Metrics& metrics);
absl::StatusOr<std::string> EncodeCounts(const Counts& counts);
absl::StatusOr<std::string> EncodeGradients(const Gradients& gradients);
absl::StatusOr<std::string> EncodeParameters(const Parameters& parameters);
absl::StatusOr<std::string> EncodeManifest(const Manifest& manifest);

// DataLoss if the text was not written by the above.
absl::StatusOr<Metrics> DecodeMetrics(absl::string_view json);
absl::StatusOr<Counts> DecodeCounts(absl::string_view json);
absl::StatusOr<Gradients> DecodeGradients(absl::string_view json);
absl::StatusOr<Parameters> DecodeParameters(absl::string_view json);
absl::StatusOr<Manifest> DecodeManifest(absl::string_view json);

}  // namespace assay
