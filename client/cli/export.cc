#include "client/cli/export.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/json.h"

namespace assay {
namespace {

// The names of the spec in its order, then the others by name.
template <typename Declared, typename MapOf>
std::vector<std::string> Names(const Declared& declared,
                               const std::vector<v1::Trial>& trials,
                               MapOf map_of) {
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const auto& one : declared) {
    if (known.insert(one.name()).second) names.push_back(one.name());
  }
  std::set<std::string> others;
  for (const v1::Trial& trial : trials) {
    for (const auto& [name, value] : map_of(trial)) {
      if (!known.contains(name)) others.insert(name);
    }
  }
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

// True if it would read as something else than a text.
bool IsAmbiguous(const std::string& text) {
  double number = 0;
  return text.empty() || absl::SimpleAtod(text, &number) ||
         absl::EqualsIgnoreCase(text, "true") ||
         absl::EqualsIgnoreCase(text, "false");
}

// A field: in quotes if it has to be.
std::string ExactValue(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kNumberValue:
      return ExactNumber(value.number_value());
    case google::protobuf::Value::kStringValue: {
      const std::string field = CsvField(value.string_value());
      const bool bare = field.size() == value.string_value().size();
      return bare && IsAmbiguous(field) ? absl::StrCat("\"", field, "\"")
                                        : field;
    }
    case google::protobuf::Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    default:
      return "";
  }
}

// UTC, ISO 8601: the same on every machine.
std::string IsoTime(bool is_set, const google::protobuf::Timestamp& time) {
  return is_set ? ToJson(time).get<std::string>() : "";
}

}  // namespace

std::string ExactNumber(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  return std::string(text, end);
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

CsvExport::CsvExport(const v1::StudySpec& spec,
                     const std::vector<v1::Trial>& trials, std::ostream& out)
    : parameters_(Names(
          spec.parameters(), trials,
          [](const v1::Trial& t) -> const auto& { return t.parameters(); })),
      metrics_(Names(
          spec.metrics(), trials,
          [](const v1::Trial& t) -> const auto& { return t.final_metrics(); })),
      out_(out) {
  for (const v1::Trial& trial : trials) numbers_[trial.id()] = trial.number();
  numbers_.erase(0);  // Continues nothing.
}

void CsvExport::WriteHeader() {
  std::vector<std::string> fields = {"number", "state"};
  for (const std::string& name : parameters_) fields.push_back(CsvField(name));
  for (const std::string& name : metrics_) fields.push_back(CsvField(name));
  for (const char* name :
       {"replicate", "continues", "from_step", "to_step", "last_step",
        "started", "ended", "holder", "attempts", "reason"}) {
    fields.push_back(name);
  }
  out_ << absl::StrJoin(fields, ",") << "\r\n";
}

void CsvExport::Write(const v1::Trial& trial) {
  std::vector<std::string> fields = {absl::StrCat(trial.number()),
                                     v1::Trial::State_Name(trial.state())};
  for (const std::string& name : parameters_) {
    const auto it = trial.parameters().find(name);
    const bool has = it != trial.parameters().end();
    fields.push_back(has ? ExactValue(it->second) : "");
  }
  for (const std::string& name : metrics_) {
    const auto it = trial.final_metrics().find(name);
    const bool has = it != trial.final_metrics().end();
    fields.push_back(has ? ExactNumber(it->second) : "");
  }
  fields.push_back(absl::StrCat(trial.replicate()));
  const auto before = numbers_.find(trial.continues());
  fields.push_back(before == numbers_.end() ? ""
                                            : absl::StrCat(before->second));
  for (const int64_t step :
       {trial.from_step(), trial.to_step(), trial.last_step()}) {
    fields.push_back(absl::StrCat(step));
  }
  const int attempts = trial.attempt_list_size();
  fields.push_back(IsoTime(trial.has_started(), trial.started()));
  fields.push_back(IsoTime(trial.has_ended(), trial.ended()));
  fields.push_back(
      attempts > 0 ? CsvField(trial.attempt_list(attempts - 1).holder()) : "");
  fields.push_back(absl::StrCat(trial.attempts()));
  fields.push_back(CsvField(trial.reason()));
  out_ << absl::StrJoin(fields, ",") << "\r\n";
}

}  // namespace assay
