#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/status.h"
#include "search/study.h"

namespace assay {

// Sets the field `name` of the algorithm. InvalidArgument, naming those that
// are there, if there is none of that name or it takes another type. A field
// that Algorithm gains is one more line of the table in the .cc.
absl::Status SetAlgorithmOption(Algorithm& algorithm, const std::string& name,
                                const nlohmann::json& value);

}  // namespace assay
