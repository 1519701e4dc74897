#include "client/cli/import_command.h"

#include <filesystem>
#include <fstream>
#include <ostream>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/import/import_reader.h"
#include "client/import/row_to_trial.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr uintmax_t kMaxFileBytes = uintmax_t{4} << 30;
constexpr size_t kMaxNamed = 1000;   // Refused rows that are named.
constexpr int kMaxAttributes = 100;  // Of one SetAttributes.

// What became of the rows.
struct Outcome {
  std::string format;
  int64_t imported = 0;
  int64_t there_already = 0;
  int64_t unfinished = 0;
  int64_t refused = 0;
  std::vector<Unfinished> first_unfinished = {};
  std::vector<RowProblem> problems = {};  // The first kMaxNamed.
  std::set<std::string> unused = {};
};

absl::StatusOr<std::map<std::string, std::string>> ToMap(
    const char* option, const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> map;
  for (const std::string& pair : pairs) {
    // Columns may hold '=', names of parameters hardly do.
    const size_t equals = pair.rfind('=');
    if (equals == std::string::npos || equals == 0 ||
        equals + 1 == pair.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(option, " \"", pair, "\": COLUMN=NAME is wanted"));
    }
    const auto [it, is_new] =
        map.insert({pair.substr(0, equals), pair.substr(equals + 1)});
    if (is_new) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        option, " ", pair, ": column \"", it->first, "\" is given twice"));
  }
  return map;
}

absl::StatusOr<ColumnMaps> ToMaps(const ImportOptions& options) {
  ColumnMaps maps;
  ASSAY_ASSIGN_OR_RETURN(maps.parameters, ToMap("--map", options.map));
  ASSAY_ASSIGN_OR_RETURN(maps.metrics, ToMap("--metric", options.metric));
  return maps;
}

absl::StatusOr<std::ifstream> OpenFile(const std::string& path) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": ", error.message()));
  }
  if (bytes > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": ", bytes, " bytes; at most 4 GiB (", kMaxFileBytes, ")"));
  }
  std::ifstream file(path, std::ios::binary);
  if (file) return file;
  return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
}

// Sends rows of one file to one study.
class Import {
 public:
  Import(const Connection& connection, const v1::Study& study,
         const StudySpec& spec, bool dry_run)
      : connection_(connection),
        study_(study),
        spec_(spec),
        dry_run_(dry_run) {}

  absl::Status Run(ImportReader& reader) {
    outcome_.format = reader.format();
    while (true) {
      absl::StatusOr<std::optional<ImportRow>> row = reader.Next();
      outcome_.unused = reader.unused();
      if (!row.ok()) return row.status();
      if (!*row) return absl::OkStatus();
      ASSAY_RETURN_IF_ERROR(Take(**row));
    }
  }

  const Outcome& outcome() const { return outcome_; }

 private:
  absl::Status Take(const ImportRow& row) {
    RowResult result = ToTrial(row, spec_, absl::LocalTimeZone());
    if (auto* problem = std::get_if<RowProblem>(&result)) {
      Refuse(std::move(*problem));
    } else if (auto* unfinished = std::get_if<Unfinished>(&result)) {
      ++outcome_.unfinished;
      if (outcome_.first_unfinished.size() < kMaxNamed) {
        outcome_.first_unfinished.push_back(std::move(*unfinished));
      }
    } else {
      return Send(row, std::get<RowTrial>(result));
    }
    return absl::OkStatus();
  }

  void Refuse(RowProblem problem) {
    ++outcome_.refused;
    if (outcome_.problems.size() < kMaxNamed) {
      outcome_.problems.push_back(std::move(problem));
    }
  }

  absl::Status Send(const ImportRow& row, RowTrial& trial) {
    if (dry_run_) {
      ++outcome_.imported;
      return absl::OkStatus();
    }
    trial.request.set_study(absl::StrCat(study_.id()));
    trial.request.set_request_id(
        absl::StrCat("import-", study_.id(), "-",
                     absl::Hex(row.digest, absl::kZeroPad16), "-", row.line));
    const absl::StatusOr<v1::Trial> created =
        connection_.Call(&v1::TrialService::Stub::CreateTrial, trial.request);
    if (!created.ok()) return Refused(row, created.status());
    // Numbers below are those of trials that were there before this began.
    const bool is_new = created->number() >= study_.counts().trials();
    ++(is_new ? outcome_.imported : outcome_.there_already);
    const absl::Status status = SendAttributes(created->id(), trial);
    if (!absl::IsInvalidArgument(status)) return status;
    Refuse({.line = row.line,
            .message = absl::StrCat("imported, but without its attributes: ",
                                    std::string(status.message()))});
    return absl::OkStatus();
  }

  // What is the row's fault stops nothing else.
  absl::Status Refused(const ImportRow& row, const absl::Status& status) {
    std::string message(status.message());
    if (status.code() == absl::StatusCode::kFailedPrecondition) {
      absl::StrAppend(&message,
                      "; it was imported before from this file, read "
                      "otherwise (--map, --metric)");
    } else if (status.code() != absl::StatusCode::kInvalidArgument) {
      return status;
    }
    Refuse({.line = row.line, .message = std::move(message)});
    return absl::OkStatus();
  }

  absl::Status SendAttributes(int64_t trial_id, const RowTrial& trial) {
    v1::SetAttributesRequest request;
    request.set_trial_id(trial_id);
    for (size_t i = 0; i < trial.attributes.size(); ++i) {
      *request.add_attributes() = trial.attributes[i];
      const bool last = i + 1 == trial.attributes.size();
      if (!last && request.attributes_size() < kMaxAttributes) continue;
      ASSAY_RETURN_IF_ERROR(
          connection_.Call(&v1::TrialService::Stub::SetAttributes, request)
              .status());
      request.clear_attributes();
    }
    return absl::OkStatus();
  }

  const Connection& connection_;
  const v1::Study& study_;
  const StudySpec& spec_;
  const bool dry_run_;
  Outcome outcome_;
};

// --- What is said of it -----------------------------------------------------

void PrintJson(Context& context, const Outcome& outcome, bool dry_run) {
  auto refused = nlohmann::ordered_json::array();
  for (const RowProblem& problem : outcome.problems) {
    refused.push_back({{"line", problem.line},
                       {"column", problem.column},
                       {"value", problem.value},
                       {"message", problem.message}});
  }
  const nlohmann::ordered_json json = {{"format", outcome.format},
                                       {"dry_run", dry_run},
                                       {"imported", outcome.imported},
                                       {"there_already", outcome.there_already},
                                       {"unfinished", outcome.unfinished},
                                       {"refused", outcome.refused},
                                       {"unused_columns", outcome.unused},
                                       {"refused_rows", refused}};
  context.out << json.dump(2, ' ', false,
                           nlohmann::json::error_handler_t::replace)
              << "\n";
}

std::string Rows(int64_t count) {
  return count == 1 ? "1 row" : absl::StrCat(count, " rows");
}

void PrintCounts(Context& context, const Outcome& outcome, bool dry_run,
                 const std::string& from, const std::string& study) {
  context.out << (dry_run ? "would import " : "imported ") << outcome.imported
              << (outcome.imported == 1 ? " trial of " : " trials of ")
              << Printable(from) << " (" << outcome.format << ") into "
              << Printable(study) << "\n";
  if (outcome.there_already > 0) {
    context.out << "  " << Rows(outcome.there_already)
                << " imported before: nothing changed\n";
  }
  if (outcome.unfinished > 0) {
    const Unfinished& first = outcome.first_unfinished.front();
    context.out << "  " << Rows(outcome.unfinished)
                << " of trials that have not ended: left out (line "
                << first.line << ": " << first.state << ")\n";
  }
  if (!outcome.unused.empty()) {
    context.out << "  columns without a meaning here: "
                << Printable(absl::StrJoin(outcome.unused, ", ")) << "\n";
  }
}

void PrintRefused(Context& context, const Outcome& outcome) {
  if (outcome.refused == 0) return;
  context.error << "refused " << Rows(outcome.refused) << ":\n";
  for (const RowProblem& problem : outcome.problems) {
    context.error << "  " << Printable(ToText(problem)) << "\n";
  }
  const auto named = static_cast<int64_t>(outcome.problems.size());
  if (outcome.refused > named) {
    context.error << "  and " << outcome.refused - named << " more\n";
  }
}

}  // namespace

absl::StatusOr<ExitCode> ImportTrials(Context& context,
                                      const ImportOptions& options) {
  ASSAY_ASSIGN_OR_RETURN(const ColumnMaps maps, ToMaps(options));
  ASSAY_ASSIGN_OR_RETURN(std::ifstream file, OpenFile(options.file));
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         GetStudy(connection, options.study));
  ASSAY_ASSIGN_OR_RETURN(const StudySpec spec, ToStudySpec(study.spec()));
  absl::StatusOr<std::unique_ptr<ImportReader>> reader =
      OpenImport(file, spec, maps);
  if (!reader.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.file, ": ", std::string(reader.status().message())));
  }
  Import import(connection, study, spec, options.dry_run);
  const absl::Status status = import.Run(**reader);
  if (context.json) {
    PrintJson(context, import.outcome(), options.dry_run);
  } else {
    PrintCounts(context, import.outcome(), options.dry_run, options.file,
                FormatName(study));
    PrintRefused(context, import.outcome());
  }
  ASSAY_RETURN_IF_ERROR(status);
  return import.outcome().refused == 0 ? kExitOk : kExitError;
}

}  // namespace assay
