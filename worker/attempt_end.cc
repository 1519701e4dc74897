#include "worker/attempt_end.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

using Kind = AttemptEnd::Kind;

std::vector<std::string> MissingObjectives(const AttemptRecord& record) {
  std::vector<std::string> missing;
  for (const std::string& name : record.objectives) {
    const bool declared =
        record.declared.has_value() && record.declared->metrics.contains(name);
    if (!declared && !record.last_metrics.contains(name)) {
      missing.push_back(absl::StrCat("\"", name, "\""));
    }
  }
  return missing;
}

std::string WithErrorTail(std::string reason, const ProcessEnd& end) {
  const absl::string_view tail = absl::StripAsciiWhitespace(end.error_tail);
  if (!tail.empty()) absl::StrAppend(&reason, "\n", tail);
  return reason;
}

AttemptEnd WithoutObjectives(absl::string_view how,
                             const std::vector<std::string>& missing,
                             const ProcessEnd& end) {
  return {.kind = Kind::kFailed,
          .reason = WithErrorTail(absl::StrCat(how, " without reporting ",
                                               absl::StrJoin(missing, ", ")),
                                  end)};
}

AttemptEnd OfProcess(const AttemptRecord& record) {
  const ProcessEnd& end = record.process;
  if (end.by_signal || end.code != 0) {
    const bool fatal = !end.by_signal && end.code == kBadConfigurationExit;
    return {.kind = fatal ? Kind::kFatal : Kind::kFailed,
            .reason = WithErrorTail(ToText(end), end)};
  }
  const std::vector<std::string> missing = MissingObjectives(record);
  if (!missing.empty()) return WithoutObjectives("exit code 0", missing, end);
  return {.kind = Kind::kCompleted};
}

AttemptEnd OfDeclared(const AttemptRecord& record) {
  const DeclaredEnd& declared = *record.declared;
  switch (declared.state) {
    case DeclaredEnd::State::kCompleted:
      return WithoutObjectives("finished as COMPLETED",
                               MissingObjectives(record), record.process);
    case DeclaredEnd::State::kStopped:
      return {Kind::kStopped, declared.reason, declared.metrics};
    case DeclaredEnd::State::kInfeasible:
      return {Kind::kInfeasible, declared.reason, declared.metrics};
    case DeclaredEnd::State::kFailed:
      break;
  }
  return {Kind::kFailed, WithErrorTail(declared.reason, record.process), {}};
}

bool DeclaredResult(const AttemptRecord& record) {
  return record.declared.has_value() &&
         record.declared->state == DeclaredEnd::State::kCompleted &&
         MissingObjectives(record).empty();
}

}  // namespace

AttemptEnd Conclude(const AttemptRecord& record) {
  const Metrics declared =
      record.declared.has_value() ? record.declared->metrics : Metrics();
  if (record.stop_reason.has_value()) {
    return {Kind::kStopped, *record.stop_reason, declared};
  }
  if (DeclaredResult(record)) return {Kind::kCompleted, "", declared};
  switch (record.ended_by) {
    case EndedBy::kTimeLimit:
      return {Kind::kFatal, record.limit, {}};
    case EndedBy::kScratchLimit:
      return {Kind::kFailed, record.limit, {}};
    case EndedBy::kHandBack:
      return {Kind::kHandedBack, "the worker drains", {}};
    case EndedBy::kItself:
      break;
  }
  return record.declared.has_value() ? OfDeclared(record) : OfProcess(record);
}

}  // namespace assay
