#include "client/cli/yaml_scalar.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "absl/strings/numbers.h"

namespace assay {
namespace {

std::optional<nlohmann::json> ParseInteger(const std::string& text) {
  static const std::regex decimal("[-+]?[0-9]+");
  static const std::regex octal("0o[0-7]+");
  static const std::regex hexadecimal("0x[0-9a-fA-F]+");
  int base = 0;
  size_t skip = 0;
  if (std::regex_match(text, decimal)) {
    base = 10;
    skip = text[0] == '+' ? 1 : 0;
  } else if (std::regex_match(text, octal)) {
    base = 8;
    skip = 2;
  } else if (std::regex_match(text, hexadecimal)) {
    base = 16;
    skip = 2;
  } else {
    return std::nullopt;
  }
  const std::string digits = text.substr(skip);
  int64_t number = 0;
  if (absl::numbers_internal::safe_strto64_base(digits, &number, base)) {
    return number;
  }
  uint64_t large = 0;
  if (absl::numbers_internal::safe_strtou64_base(digits, &large, base)) {
    return large;
  }
  double real = 0;
  if (base == 10 && absl::SimpleAtod(digits, &real)) return real;
  return std::nullopt;
}

std::optional<nlohmann::json> ParseReal(const std::string& text) {
  static const std::regex real(
      R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  static const std::regex infinity(R"([-+]?(\.inf|\.Inf|\.INF))");
  static const std::regex not_a_number(R"(\.nan|\.NaN|\.NAN)");
  if (std::regex_match(text, infinity)) {
    const double limit = std::numeric_limits<double>::infinity();
    return text[0] == '-' ? -limit : limit;
  }
  if (std::regex_match(text, not_a_number)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  double number = 0;
  if (!std::regex_match(text, real) ||
      !absl::SimpleAtod(text[0] == '+' ? text.substr(1) : text, &number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

nlohmann::json ParseYamlScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" ||
      text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  // Long texts are no numbers, and std::regex recurses.
  if (text.size() > 64) return text;
  if (auto number = ParseInteger(text)) return *std::move(number);
  if (auto number = ParseReal(text)) return *std::move(number);
  return text;
}

}  // namespace assay
