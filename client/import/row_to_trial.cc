#include "client/import/row_to_trial.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "search/domain.h"

namespace assay {
namespace {

constexpr size_t kShownBytes = 80;  // Of a value in a message.

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

absl::Status Wanted(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

std::string Trimmed(const std::string& text) {
  return std::string(absl::StripAsciiWhitespace(text));
}

// --- States -----------------------------------------------------------------

// Those of Assay, Optuna and Weights & Biases.
const std::map<std::string, v1::Trial::State>& States() {
  static const auto& states = *new std::map<std::string, v1::Trial::State>{
      {"completed", v1::Trial::COMPLETED},
      {"complete", v1::Trial::COMPLETED},
      {"finished", v1::Trial::COMPLETED},
      {"stopped", v1::Trial::STOPPED},
      {"pruned", v1::Trial::STOPPED},
      {"killed", v1::Trial::STOPPED},
      {"failed", v1::Trial::FAILED},
      {"fail", v1::Trial::FAILED},
      {"crashed", v1::Trial::FAILED},
      {"infeasible", v1::Trial::INFEASIBLE},
      {"pending", v1::Trial::PENDING},
      {"waiting", v1::Trial::PENDING},
      {"queued", v1::Trial::PENDING},
      {"running", v1::Trial::RUNNING},
      {"preempting", v1::Trial::RUNNING},
      {"preempted", v1::Trial::RUNNING}};
  return states;
}

// "TrialState.COMPLETE" is how Python prints it.
absl::StatusOr<v1::Trial::State> ReadState(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(Trimmed(text));
  const auto it =
      States().find(std::string(absl::StripPrefix(lower, "trialstate.")));
  if (it != States().end()) return it->second;
  return Wanted(
      "COMPLETED, STOPPED, FAILED or INFEASIBLE (or as Optuna and W&B say it)");
}

// --- Values -----------------------------------------------------------------

std::optional<double> ReadNumber(const std::string& text) {
  double number = 0;
  if (!absl::SimpleAtod(text, &number)) return std::nullopt;
  return number;
}

std::optional<bool> ReadBool(const std::string& text) {
  if (absl::EqualsIgnoreCase(text, "true")) return true;
  if (absl::EqualsIgnoreCase(text, "false")) return false;
  return std::nullopt;
}

// Whole numbers are integers, as proto/convert.h has them.
ParameterValue ToParameterNumber(double number) {
  const bool whole = std::abs(number) <= static_cast<double>(kMaxInteger) &&
                     number == std::trunc(number);
  if (whole) return static_cast<int64_t>(number);
  return number;
}

bool Means(const ParameterValue& value, const std::string& text) {
  if (const auto* own = std::get_if<std::string>(&value)) return *own == text;
  if (const auto* flag = std::get_if<bool>(&value)) {
    return ReadBool(text) == *flag;
  }
  return ReadNumber(text) == AsNumber(value);
}

// "1" in quotes is the text if there is one; else what it means.
absl::StatusOr<ParameterValue> ReadCategory(const CategoricalDomain& domain,
                                            const CsvCell& cell) {
  const ParameterValue* found = nullptr;
  for (const ParameterValue& value : domain.values) {
    if (!Means(value, cell.text)) continue;
    const bool is_text = std::holds_alternative<std::string>(value);
    if (found == nullptr || is_text == cell.quoted) found = &value;
  }
  if (found != nullptr) return *found;
  return Wanted(absl::StrCat("one of ", ToText(Domain(domain))));
}

absl::StatusOr<ParameterValue> ReadValue(const Domain& domain,
                                         const CsvCell& cell) {
  if (const auto* categories = std::get_if<CategoricalDomain>(&domain)) {
    return ReadCategory(*categories, cell);
  }
  const std::optional<double> number = ReadNumber(cell.text);
  if (!number) {
    return Wanted(absl::StrCat("a number is wanted: ", ToText(domain)));
  }
  return CanonicalValue(domain, ToParameterNumber(*number));
}

// Of a study that declares no parameters.
ParameterValue ReadFreeValue(const CsvCell& cell) {
  if (cell.quoted) return cell.text;
  if (const std::optional<bool> flag = ReadBool(cell.text)) return *flag;
  const std::optional<double> number = ReadNumber(cell.text);
  if (number && std::isfinite(*number)) return ToParameterNumber(*number);
  return cell.text;
}

// --- Times ------------------------------------------------------------------

absl::StatusOr<absl::Time> ReadTime(const std::string& text,
                                    const absl::TimeZone& zone) {
  absl::Time time;
  std::string error;
  const bool with_t = absl::StrContains(text, 'T');
  for (const char* format : {absl::RFC3339_full, "%Y-%m-%d %H:%M:%E*S%Ez"}) {
    if (absl::ParseTime(format, text, &time, &error)) return time;
  }
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d"}) {
    const absl::TimeZone assumed = with_t ? absl::UTCTimeZone() : zone;
    if (absl::ParseTime(format, text, assumed, &time, &error)) return time;
  }
  return Wanted("a time like 2026-01-31T12:00:00Z");
}

// --- A row ------------------------------------------------------------------

class RowReader {
 public:
  RowReader(const ImportRow& row, const StudySpec& spec,
            const absl::TimeZone& zone)
      : row_(row), spec_(spec), zone_(zone) {}

  RowResult Read() {
    if (!row_.problem.empty()) return Problem(row_.problem);
    trial_.request.set_state(v1::Trial::COMPLETED);
    for (const ImportValue& value : row_.values) {
      if (value.cell.text.empty() && !value.cell.quoted) continue;
      const absl::Status status = Take(value);
      if (status.ok()) continue;
      return RowProblem{row_.line, value.column, value.cell.text,
                        MessageOf(status)};
    }
    const v1::Trial::State state = trial_.request.state();
    if (state == v1::Trial::PENDING || state == v1::Trial::RUNNING) {
      return Unfinished{row_.line, v1::Trial::State_Name(state)};
    }
    return Finish();
  }

 private:
  RowProblem Problem(std::string message, std::string column = "") const {
    return {.line = row_.line,
            .column = std::move(column),
            .message = std::move(message)};
  }

  absl::Status Take(const ImportValue& value) {
    const std::string& text = value.cell.text;
    v1::CreateTrialRequest& request = trial_.request;
    switch (value.meaning.use) {
      case ColumnUse::kParameter:
        return TakeParameter(value);
      case ColumnUse::kMetric:
        return TakeMetric(value);
      case ColumnUse::kAttribute:
        TakeAttribute(value);
        break;
      case ColumnUse::kState: {
        ASSAY_ASSIGN_OR_RETURN(const v1::Trial::State state, ReadState(text));
        request.set_state(state);
        break;
      }
      case ColumnUse::kReason:
        request.set_reason(text);
        break;
      case ColumnUse::kNote:
        request.set_note(text);
        break;
      case ColumnUse::kHolder:
        request.set_holder(text);
        break;
      case ColumnUse::kStarted:
        return TakeTime(text, request.mutable_started());
      case ColumnUse::kEnded:
        return TakeTime(text, request.mutable_ended());
      case ColumnUse::kSeconds:
        return TakeSeconds(text);
      default:
        return TakeCount(value);
    }
    return absl::OkStatus();
  }

  absl::Status TakeCount(const ImportValue& value) {
    const std::optional<double> number = ReadNumber(value.cell.text);
    if (!number || *number < 0 || *number > static_cast<double>(kMaxInteger) ||
        *number != std::trunc(*number)) {
      return Wanted("a whole number from 0 to 2^53");
    }
    const auto count = static_cast<int64_t>(*number);
    v1::CreateTrialRequest& request = trial_.request;
    switch (value.meaning.use) {
      case ColumnUse::kFromStep:
        request.set_from_step(count);
        break;
      case ColumnUse::kToStep:
        request.set_to_step(count);
        break;
      case ColumnUse::kLastStep:
        request.set_last_step(count);
        break;
      case ColumnUse::kReplicate:
        request.set_replicate(
            static_cast<int32_t>(std::min<int64_t>(count, INT32_MAX)));
        break;
      default:
        break;
    }
    return absl::OkStatus();
  }

  const Parameter* FindParameter(const std::string& name) const {
    for (const Parameter& parameter : spec_.space.parameters()) {
      if (parameter.name == name) return &parameter;
    }
    return nullptr;
  }

  absl::Status TakeParameter(const ImportValue& value) {
    const std::string& name = value.meaning.name;
    if (spec_.space.empty()) {
      parameters_[name] = ReadFreeValue(value.cell);
      return absl::OkStatus();
    }
    const Parameter* parameter = FindParameter(name);
    if (parameter == nullptr) return Wanted("no parameter of the study");
    absl::StatusOr<ParameterValue> read =
        ReadValue(parameter->domain, value.cell);
    if (!read.ok() && value.cell.text.empty()) return absl::OkStatus();
    if (!read.ok()) return read.status();
    parameters_[name] = *std::move(read);
    return absl::OkStatus();
  }

  absl::Status TakeMetric(const ImportValue& value) {
    if (value.cell.text.empty()) return absl::OkStatus();
    const std::optional<double> number = ReadNumber(value.cell.text);
    if (!number) {
      const bool declared = std::any_of(
          spec_.metrics.begin(), spec_.metrics.end(),
          [&](const MetricSpec& m) { return m.name == value.meaning.name; });
      return declared ? Wanted("a number is wanted") : absl::OkStatus();
    }
    (*trial_.request.mutable_metrics())[value.meaning.name] = *number;
    return absl::OkStatus();
  }

  void TakeAttribute(const ImportValue& value) {
    v1::Attribute& attribute = trial_.attributes.emplace_back();
    attribute.set_key(value.meaning.name);
    attribute.set_value(value.cell.text);
  }

  absl::Status TakeTime(const std::string& text,
                        google::protobuf::Timestamp* to) {
    ASSAY_ASSIGN_OR_RETURN(const absl::Time time,
                           ReadTime(Trimmed(text), zone_));
    *to = ToTimestamp(time);
    return absl::OkStatus();
  }

  absl::Status TakeSeconds(const std::string& text) {
    seconds_ = ReadNumber(text);
    if (seconds_ && *seconds_ >= 0 && std::isfinite(*seconds_)) {
      return absl::OkStatus();
    }
    return Wanted("seconds, 0 or more");
  }

  // What concerns more than one value.
  RowResult Finish() {
    v1::CreateTrialRequest& request = trial_.request;
    const absl::StatusOr<Parameters> canonical =
        spec_.space.Canonical(parameters_);
    if (!canonical.ok()) return Problem(MessageOf(canonical.status()));
    ToMessage(*canonical, request.mutable_parameters());
    if (seconds_ && request.has_started() && !request.has_ended()) {
      const absl::Time started =
          absl::FromUnixSeconds(request.started().seconds()) +
          absl::Nanoseconds(request.started().nanos());
      *request.mutable_ended() =
          ToTimestamp(started + absl::Seconds(*seconds_));
    }
    if (request.state() != v1::Trial::COMPLETED) return std::move(trial_);
    for (const int i : Objectives(spec_)) {
      const std::string& name = spec_.metrics[i].name;
      const auto it = request.metrics().find(name);
      if (it != request.metrics().end() && !std::isnan(it->second)) continue;
      return Problem(
          absl::StrCat("the objective \"", name, "\" is ",
                       it == request.metrics().end() ? "missing" : "NaN",
                       "; a COMPLETED trial has a number for each objective"));
    }
    return std::move(trial_);
  }

  const ImportRow& row_;
  const StudySpec& spec_;
  const absl::TimeZone& zone_;
  RowTrial trial_;
  Parameters parameters_;
  std::optional<double> seconds_;
};

}  // namespace

RowResult ToTrial(const ImportRow& row, const StudySpec& spec,
                  const absl::TimeZone& zone) {
  return RowReader(row, spec, zone).Read();
}

std::string ToText(const RowProblem& problem) {
  std::string text = absl::StrCat("line ", problem.line);
  if (!problem.column.empty()) {
    const std::string shown =
        problem.value.size() <= kShownBytes
            ? problem.value
            : absl::StrCat(problem.value.substr(0, kShownBytes), "...");
    absl::StrAppend(&text, ", column \"", problem.column, "\": \"", shown,
                    "\"");
    return absl::StrCat(text, "; ", problem.message);
  }
  return absl::StrCat(text, ": ", problem.message);
}

}  // namespace assay
