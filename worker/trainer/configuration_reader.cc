#include "worker/trainer/configuration_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <sstream>

namespace assay {
namespace {

using nlohmann::json;

// A value as the user wrote it, cut if it is long.
std::string Show(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

// 64 and 64.0 are both integers: a study's stepped parameter may be a double.
std::optional<int64_t> AsInteger(const json& value) {
  constexpr double kExact = 9007199254740992;  // 2^53.
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return std::nullopt;
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) > kExact) {
    return std::nullopt;
  }
  return static_cast<int64_t>(number);
}

// Levenshtein's distance.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string LastPart(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

// N of a key `prefix`N`suffix`.
std::optional<int64_t> IndexIn(const std::string& key,
                               const std::string& prefix,
                               const std::string& suffix) {
  constexpr size_t kMostDigits = 9;
  if (!key.starts_with(prefix) || !key.ends_with(suffix)) return std::nullopt;
  if (key.size() <= prefix.size() + suffix.size()) return std::nullopt;
  const std::string digits =
      key.substr(prefix.size(), key.size() - prefix.size() - suffix.size());
  const bool canonical = digits == "0" || digits.front() != '0';
  if (!canonical || digits.size() > kMostDigits) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return std::stoll(digits);
}

}  // namespace

bool Range::Contains(double value) const {
  return (min_open ? value > min : value >= min) &&
         (max_open ? value < max : value <= max);
}

std::string Range::ToString() const {
  std::ostringstream out;
  out << (min_open ? '(' : '[') << min << ", " << max << (max_open ? ')' : ']');
  return out.str();
}

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    joined += (joined.empty() ? "" : ", ") + word;
  }
  return joined;
}

std::string DidYouMean(const std::string& word,
                       const std::set<std::string>& candidates) {
  constexpr size_t kLongest = 200;
  if (word.size() > kLongest) return "";
  std::string nearest;
  size_t least = word.size() / 3 + 1;  // At most a third may differ.
  for (const std::string& candidate : candidates) {
    // `lr.momentum` and `momentum` both mean `optimizer.momentum`.
    const bool same_end = LastPart(candidate) == LastPart(word);
    const size_t distance = same_end ? 1 : EditDistance(word, candidate);
    if (distance < least || (same_end && nearest.empty())) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : ", did you mean \"" + nearest + "\"?";
}

ConfigurationReader::ConfigurationReader(const json& config,
                                         const json& parameters) {
  if (config.is_object()) {
    Flatten("", config);
  } else {
    mistakes_.push_back("config: " + Show(config) + " is not an object");
  }
  if (parameters.is_object()) {
    Override(parameters);
  } else {
    mistakes_.push_back("parameters: " + Show(parameters) +
                        " is not an object");
  }
}

void ConfigurationReader::Flatten(const std::string& prefix,
                                  const json& object) {
  for (const auto& [name, value] : object.items()) {
    const std::string key = prefix + name;
    if (value.is_object()) {
      Flatten(key + ".", value);
    } else if (!values_.emplace(key, value).second) {
      mistakes_.push_back(key + ": is given twice");
    }
  }
}

void ConfigurationReader::Override(const json& parameters) {
  for (const auto& [key, value] : parameters.items()) {
    values_[key] = value;
    overridden_.insert(key);
  }
}

const json* ConfigurationReader::Find(const std::string& key,
                                      const Condition& condition) {
  declared_.insert(key);
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  if (condition.holds) return &found->second;
  Refuse(key, "is " + condition.text);
  return nullptr;
}

void ConfigurationReader::Refuse(const std::string& key,
                                 const std::string& complaint) {
  const auto found = values_.find(key);
  mistakes_.push_back(
      (overridden_.contains(key) ? "parameter " : "") + key + ": " +
      (found == values_.end() ? "" : Show(found->second) + " ") + complaint);
}

int64_t ConfigurationReader::Integer(const std::string& key, int64_t min,
                                     int64_t max, int64_t standard,
                                     const Condition& condition) {
  const json* given = Find(key, condition);
  if (given == nullptr) return standard;
  const std::optional<int64_t> value = AsInteger(*given);
  if (value.has_value() && *value >= min && *value <= max) return *value;
  Refuse(key, "is not an integer from " + std::to_string(min) + " to " +
                  std::to_string(max));
  return standard;
}

double ConfigurationReader::Number(const std::string& key, Range allowed,
                                   double standard,
                                   const Condition& condition) {
  const json* given = Find(key, condition);
  if (given == nullptr) return standard;
  if (given->is_number() && allowed.Contains(given->get<double>())) {
    return given->get<double>();
  }
  Refuse(key, "is not a number in " + allowed.ToString());
  return standard;
}

bool ConfigurationReader::Boolean(const std::string& key, bool standard,
                                  const Condition& condition) {
  const json* given = Find(key, condition);
  if (given == nullptr) return standard;
  if (given->is_boolean()) return given->get<bool>();
  Refuse(key, "is not true or false");
  return standard;
}

std::string ConfigurationReader::Text(const std::string& key,
                                      const std::string& standard,
                                      const Condition& condition) {
  const json* given = Find(key, condition);
  if (given == nullptr) return standard;
  if (given->is_string()) return given->get<std::string>();
  Refuse(key, "is not a string");
  return standard;
}

std::vector<std::string> ConfigurationReader::Texts(
    const std::string& key, const Condition& condition) {
  const json* given = Find(key, condition);
  if (given == nullptr) return {};
  const bool right =
      given->is_array() && std::ranges::all_of(*given, [](const json& element) {
        return element.is_string();
      });
  if (right) return given->get<std::vector<std::string>>();
  Refuse(key, "is not a list of strings");
  return {};
}

std::map<int64_t, double> ConfigurationReader::NumbersBy(
    const std::string& prefix, const std::string& suffix, int64_t count,
    const std::string& what, Range allowed, const Condition& condition) {
  std::vector<std::pair<std::string, int64_t>> given;
  for (const auto& [key, value] : values_) {
    if (const auto index = IndexIn(key, prefix, suffix)) {
      given.emplace_back(key, *index);
    }
  }
  std::map<int64_t, double> numbers;
  for (const auto& [key, index] : given) {
    if (index >= count) {
      declared_.insert(key);
      Refuse(key, "is of one of " + what +
                      " that is not there; allowed: 0 to " +
                      std::to_string(count - 1));
    } else {
      numbers[index] = Number(key, allowed, 0, condition);
    }
  }
  return numbers;
}

Condition ConfigurationReader::With(
    const std::string& key, const std::vector<std::string>& choices) const {
  const std::string& chosen = chosen_.at(key);
  return {.holds = std::ranges::find(choices, chosen) != choices.end(),
          .text = "not allowed with " + key + " \"" + chosen +
                  "\"; allowed only with " + Join(choices)};
}

std::vector<std::string> ConfigurationReader::Mistakes() const {
  std::vector<std::string> all = mistakes_;
  for (const auto& [key, value] : values_) {
    if (!declared_.contains(key)) all.push_back(Unknown(key));
  }
  return all;
}

std::string ConfigurationReader::Unknown(const std::string& key) const {
  const std::string name =
      (overridden_.contains(key) ? "parameter " : "") + key + ": ";
  std::vector<std::string> below;
  for (const std::string& declared : declared_) {
    if (declared.starts_with(key + ".")) below.push_back(declared);
  }
  if (!below.empty()) {
    return name + Show(values_.at(key)) + " is not an object of the keys " +
           Join(below);
  }
  return name + "unknown key" + DidYouMean(key, declared_);
}

}  // namespace assay
