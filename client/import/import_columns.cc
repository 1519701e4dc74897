#include "client/import/import_columns.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using Header = std::vector<std::string>;

// What `assay study export` writes around parameters and metrics.
const Header& AssayHead() {
  static const auto& head = *new Header{"number", "state"};
  return head;
}
const Header& AssayTail() {
  static const auto& tail = *new Header{
      "replicate", "continues", "from_step", "to_step",  "last_step",
      "started",   "ended",     "holder",    "attempts", "reason"};
  return tail;
}

bool Has(const Header& header, const std::string& name) {
  return std::find(header.begin(), header.end(), name) != header.end();
}

bool IsAssay(const Header& header) {
  const Header& head = AssayHead();
  const Header& tail = AssayTail();
  return header.size() >= head.size() + tail.size() &&
         std::equal(head.begin(), head.end(), header.begin()) &&
         std::equal(tail.rbegin(), tail.rend(), header.rbegin());
}

bool IsOptuna(const Header& header) {
  return Has(header, "number") && Has(header, "state") &&
         std::any_of(header.begin(), header.end(), [](const auto& name) {
           return name == "value" || absl::StartsWith(name, "values_") ||
                  absl::StartsWith(name, "params_");
         });
}

bool IsWandb(const Header& header) {
  return Has(header, "Name") && Has(header, "State") &&
         (Has(header, "Created") || Has(header, "Runtime") ||
          Has(header, "User") || Has(header, "Sweep") || Has(header, "ID"));
}

bool IsParameter(const StudySpec& spec, const std::string& name) {
  const auto parameters = spec.space.parameters();
  return std::any_of(parameters.begin(), parameters.end(),
                     [&](const Parameter& p) { return p.name == name; });
}

bool IsMetric(const StudySpec& spec, const std::string& name) {
  return std::any_of(spec.metrics.begin(), spec.metrics.end(),
                     [&](const MetricSpec& m) { return m.name == name; });
}

std::string ParameterNames(const StudySpec& spec) {
  return absl::StrJoin(spec.space.parameters(), ", ",
                       [](std::string* out, const Parameter& parameter) {
                         out->append(parameter.name);
                       });
}

std::string MetricNames(const StudySpec& spec) {
  return absl::StrJoin(spec.metrics, ", ",
                       [](std::string* out, const MetricSpec& metric) {
                         out->append(metric.name);
                       });
}

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what);
}

// --- One dialect each: what a column is that no map names -------------------

ImportColumn ByName(const std::string& column, const StudySpec& spec) {
  if (IsParameter(spec, column)) return {ColumnUse::kParameter, column};
  if (IsMetric(spec, column)) return {ColumnUse::kMetric, column};
  return {};
}

ImportColumn PlainColumn(const std::string& column, const StudySpec& spec) {
  static const auto& known = *new std::map<std::string, ColumnUse>{
      {"state", ColumnUse::kState},         {"reason", ColumnUse::kReason},
      {"note", ColumnUse::kNote},           {"started", ColumnUse::kStarted},
      {"ended", ColumnUse::kEnded},         {"seconds", ColumnUse::kSeconds},
      {"from_step", ColumnUse::kFromStep},  {"to_step", ColumnUse::kToStep},
      {"last_step", ColumnUse::kLastStep},  {"holder", ColumnUse::kHolder},
      {"replicate", ColumnUse::kReplicate},
  };
  const ImportColumn named = ByName(column, spec);
  if (named.use != ColumnUse::kNothing) return named;
  const auto it = known.find(column);
  return it == known.end() ? ImportColumn{} : ImportColumn{it->second};
}

ImportColumn WandbColumn(const std::string& column, const StudySpec& spec) {
  const ImportColumn named = ByName(column, spec);
  if (named.use != ColumnUse::kNothing) return named;
  if (column == "Name") return {ColumnUse::kNote};
  if (column == "State") return {ColumnUse::kState};
  if (column == "Created") return {ColumnUse::kStarted};
  if (column == "Runtime") return {ColumnUse::kSeconds};
  if (column == "User") return {ColumnUse::kHolder};
  return {};
}

// "values_1" is the second objective; "values_loss" a metric (Optuna's
// set_metric_names()).
ImportColumn OptunaValue(absl::string_view which, const StudySpec& spec) {
  const std::vector<int> objectives = Objectives(spec);
  size_t index = 0;
  if (absl::SimpleAtoi(which, &index) && index < objectives.size()) {
    return {ColumnUse::kMetric, spec.metrics[objectives[index]].name};
  }
  const std::string name(which);
  return IsMetric(spec, name) ? ImportColumn{ColumnUse::kMetric, name}
                              : ImportColumn{};
}

ImportColumn OptunaColumn(const std::string& column, const StudySpec& spec) {
  absl::string_view rest = column;
  if (column == "value") return OptunaValue("0", spec);
  if (absl::ConsumePrefix(&rest, "values_")) return OptunaValue(rest, spec);
  if (absl::ConsumePrefix(&rest, "params_")) {
    const std::string name(rest);
    const bool known = spec.space.empty() || IsParameter(spec, name);
    return known ? ImportColumn{ColumnUse::kParameter, name} : ImportColumn{};
  }
  if (absl::ConsumePrefix(&rest, "user_attrs_")) {
    const std::string name(rest);
    return IsMetric(spec, name) ? ImportColumn{ColumnUse::kMetric, name}
                                : ImportColumn{ColumnUse::kAttribute, name};
  }
  if (column == "state") return {ColumnUse::kState};
  if (column == "datetime_start") return {ColumnUse::kStarted};
  if (column == "datetime_complete") return {ColumnUse::kEnded};
  return {};
}

// By place: a parameter may have the name of a metric, or of any column. In a
// study without a space, parameters stand before its first metric.
std::vector<ImportColumn> AssayColumns(const Header& header,
                                       const StudySpec& spec) {
  constexpr ColumnUse kTail[] = {ColumnUse::kReplicate, ColumnUse::kNothing,
                                 ColumnUse::kFromStep,  ColumnUse::kToStep,
                                 ColumnUse::kLastStep,  ColumnUse::kStarted,
                                 ColumnUse::kEnded,     ColumnUse::kHolder,
                                 ColumnUse::kNothing,   ColumnUse::kReason};
  std::vector<ImportColumn> columns = {{}, {ColumnUse::kState}};
  const size_t tail = header.size() - AssayTail().size();
  std::set<std::string> seen;
  bool in_metrics = false;
  for (size_t i = columns.size(); i < tail; ++i) {
    const std::string& name = header[i];
    const bool free = spec.space.empty() && !IsMetric(spec, name);
    in_metrics |= !free && !(IsParameter(spec, name) && !seen.contains(name));
    seen.insert(name);
    columns.push_back(
        {in_metrics ? ColumnUse::kMetric : ColumnUse::kParameter, name});
  }
  for (const ColumnUse use : kTail) columns.push_back({use});
  return columns;
}

// --- Maps and checks --------------------------------------------------------

absl::Status CheckMaps(const StudySpec& spec, const ColumnMaps& maps) {
  for (const auto& [column, parameter] : maps.parameters) {
    if (spec.space.empty() || IsParameter(spec, parameter)) continue;
    return Wrong(absl::StrCat("--map ", column, "=", parameter, ": \"",
                              parameter, "\" is no parameter of the study; ",
                              ParameterNames(spec)));
  }
  for (const auto& [column, metric] : maps.metrics) {
    if (!maps.parameters.contains(column)) continue;
    return Wrong(absl::StrCat("column \"", column,
                              "\" is in --map and in --metric; one of them"));
  }
  return absl::OkStatus();
}

absl::Status CheckMapsUsed(const Header& header, const ColumnMaps& maps) {
  for (const auto* map : {&maps.parameters, &maps.metrics}) {
    for (const auto& [column, name] : *map) {
      if (Has(header, column)) continue;
      return Wrong(absl::StrCat("there is no column \"", column,
                                "\"; there are ", absl::StrJoin(header, ", ")));
    }
  }
  return absl::OkStatus();
}

std::optional<ImportColumn> Mapped(const std::string& column,
                                   const ColumnMaps& maps) {
  if (const auto it = maps.parameters.find(column);
      it != maps.parameters.end()) {
    return ImportColumn{ColumnUse::kParameter, it->second};
  }
  if (const auto it = maps.metrics.find(column); it != maps.metrics.end()) {
    return ImportColumn{ColumnUse::kMetric, it->second};
  }
  return std::nullopt;
}

// What a user says counts: what the dialect takes for the same is not used.
void DropRivals(const Header& header, const ColumnMaps& maps,
                std::vector<ImportColumn>& columns) {
  const auto is_target = [](const std::map<std::string, std::string>& map,
                            const std::string& name) {
    return std::any_of(map.begin(), map.end(),
                       [&](const auto& entry) { return entry.second == name; });
  };
  for (size_t i = 0; i < columns.size(); ++i) {
    if (Mapped(header[i], maps)) continue;
    const bool rival = columns[i].use == ColumnUse::kParameter
                           ? is_target(maps.parameters, columns[i].name)
                           : columns[i].use == ColumnUse::kMetric &&
                                 is_target(maps.metrics, columns[i].name);
    if (rival) columns[i] = {};
  }
}

absl::Status CheckOnce(const Header& header,
                       const std::vector<ImportColumn>& columns) {
  std::map<std::pair<ColumnUse, std::string>, size_t> first;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].use == ColumnUse::kNothing) continue;
    const auto [it, is_new] =
        first.insert({{columns[i].use, columns[i].name}, i});
    if (is_new) continue;
    return Wrong(absl::StrCat(
        "columns ", it->second + 1, " (", header[it->second], ") and ", i + 1,
        " (", header[i], ") are the same thing",
        columns[i].name.empty() ? "" : ", ", columns[i].name, "; one of them"));
  }
  return absl::OkStatus();
}

bool IsCovered(const std::vector<ImportColumn>& columns, ColumnUse use,
               const std::string& name) {
  return std::any_of(
      columns.begin(), columns.end(),
      [&](const ImportColumn& c) { return c.use == use && c.name == name; });
}

absl::Status CheckComplete(const Header& header, const StudySpec& spec,
                           const std::vector<ImportColumn>& columns) {
  const std::string there =
      absl::StrCat("; the columns are ", absl::StrJoin(header, ", "));
  for (const int i : spec.space.roots()) {
    const std::string& name = spec.space.parameters()[i].name;
    if (IsCovered(columns, ColumnUse::kParameter, name)) continue;
    return Wrong(absl::StrCat("no column is the parameter \"", name,
                              "\": --map COLUMN=", name, there));
  }
  for (const int i : Objectives(spec)) {
    const std::string& name = spec.metrics[i].name;
    if (IsCovered(columns, ColumnUse::kMetric, name)) continue;
    return Wrong(absl::StrCat("no column is the objective \"", name,
                              "\": --metric COLUMN=", name, " (of ",
                              MetricNames(spec), ")", there));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ToText(ImportDialect dialect) {
  switch (dialect) {
    case ImportDialect::kAssay:
      return "Assay";
    case ImportDialect::kOptuna:
      return "Optuna";
    case ImportDialect::kWandb:
      return "Weights & Biases";
    case ImportDialect::kPlain:
      break;
  }
  return "plain";
}

ImportDialect RecognizeDialect(const Header& header) {
  if (IsAssay(header)) return ImportDialect::kAssay;
  if (IsOptuna(header)) return ImportDialect::kOptuna;
  if (IsWandb(header)) return ImportDialect::kWandb;
  return ImportDialect::kPlain;
}

absl::StatusOr<std::vector<ImportColumn>> AssignColumns(
    const Header& header, const StudySpec& spec, const ColumnMaps& maps) {
  ASSAY_RETURN_IF_ERROR(CheckMaps(spec, maps));
  ASSAY_RETURN_IF_ERROR(CheckMapsUsed(header, maps));
  const ImportDialect dialect = RecognizeDialect(header);
  std::vector<ImportColumn> columns;
  if (dialect == ImportDialect::kAssay) columns = AssayColumns(header, spec);
  columns.resize(header.size());
  for (size_t i = 0; i < header.size(); ++i) {
    if (dialect == ImportDialect::kPlain) {
      columns[i] = PlainColumn(header[i], spec);
    } else if (dialect == ImportDialect::kOptuna) {
      columns[i] = OptunaColumn(header[i], spec);
    } else if (dialect == ImportDialect::kWandb) {
      columns[i] = WandbColumn(header[i], spec);
    }
    columns[i] = Mapped(header[i], maps).value_or(columns[i]);
  }
  DropRivals(header, maps, columns);
  ASSAY_RETURN_IF_ERROR(CheckOnce(header, columns));
  ASSAY_RETURN_IF_ERROR(CheckComplete(header, spec, columns));
  return columns;
}

absl::StatusOr<ImportColumn> AssignPlainColumn(const std::string& column,
                                               const StudySpec& spec,
                                               const ColumnMaps& maps) {
  ASSAY_RETURN_IF_ERROR(CheckMaps(spec, maps));
  return Mapped(column, maps).value_or(PlainColumn(column, spec));
}

}  // namespace assay
