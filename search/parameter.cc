#include "search/parameter.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace assay {
namespace {

// 2^63: the first double that is no int64_t.
constexpr double kIntegerEnd = 9223372036854775808.0;

bool IsIntegral(double value) {
  return value >= -kIntegerEnd && value < kIntegerEnd &&
         std::floor(value) == value;
}

// The fewest digits that read back as the same double: 0.0001, 1e-5.
std::string ShortestText(double value) {
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e15);
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                                 plain ? std::chars_format::fixed
                                       : std::chars_format::scientific)
                       .ptr;
  std::string text(buffer, end);
  const size_t zero = text.find("e-0");
  if (zero != std::string::npos) text.erase(zero + 2, 1);
  return text;
}

// A number alone decides its text: 1 and 1.0 are the same, 0.0 and -0.0 too.
std::string NumberKey(double value) {
  if (!IsIntegral(value)) return ShortestText(value);
  return absl::StrCat(static_cast<int64_t>(value));
}

struct AppendKey {
  std::string& out;
  void operator()(double value) const {
    absl::StrAppend(&out, "n", NumberKey(value), ";");
  }
  void operator()(int64_t value) const {
    absl::StrAppend(&out, "n", value, ";");
  }
  void operator()(const std::string& value) const {
    absl::StrAppend(&out, "s", value.size(), ":", value);
  }
  void operator()(bool value) const { out += value ? "bT" : "bF"; }
};

struct AsText {
  std::string operator()(double value) const { return ShortestText(value); }
  std::string operator()(int64_t value) const { return absl::StrCat(value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
};

bool SameNumber(int64_t a, double b) {
  return IsIntegral(b) && a == static_cast<int64_t>(b);
}

}  // namespace

bool SameValue(const ParameterValue& a, const ParameterValue& b) {
  const auto* a_double = std::get_if<double>(&a);
  const auto* b_double = std::get_if<double>(&b);
  const auto* a_integer = std::get_if<int64_t>(&a);
  const auto* b_integer = std::get_if<int64_t>(&b);
  if (a_integer && b_double) return SameNumber(*a_integer, *b_double);
  if (a_double && b_integer) return SameNumber(*b_integer, *a_double);
  return a == b;
}

std::optional<double> AsNumber(const ParameterValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return static_cast<double>(*number);
  }
  return std::nullopt;
}

std::string ToText(const ParameterValue& value) {
  return std::visit(AsText{}, value);
}

std::string ToText(const Parameters& parameters) {
  const auto append = [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first, ": ", ToText(entry.second));
  };
  return absl::StrCat("{", absl::StrJoin(parameters, ", ", append), "}");
}

std::string Identity(const Parameters& parameters) {
  std::string identity;
  identity.reserve(parameters.size() * 32);
  for (const auto& [name, value] : parameters) {
    absl::StrAppend(&identity, name.size(), ":", name);
    std::visit(AppendKey{identity}, value);
  }
  return identity;
}

}  // namespace assay
