#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace assay {

// An unquoted scalar as the core schema of YAML 1.2 reads it: `no` is a text,
// 1e-5 a number, 0x10 is 16, ~ is null. Whole numbers beyond 64 bits become
// doubles. .nan, .inf and what is too large for a double become numbers that
// are not finite: JSON cannot write them.
nlohmann::json ParseYamlScalar(const std::string& text);

}  // namespace assay
