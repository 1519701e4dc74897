#include "client/cli/best.h"

#include <map>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

void PrintOne(Context& context, const v1::Study& study,
              const v1::Trial& trial) {
  const Look& look = context.look;
  context.out << Paint(absl::StrCat("best trial of ",
                                    Printable(FormatName(study)), ": number ",
                                    trial.number(), " (id ", trial.id(), ")"),
                       Style::kBold, look)
              << "\n";
  Table table({{""}, {""}});
  for (const auto& [name, value] : std::map<std::string, double>(
           trial.final_metrics().begin(), trial.final_metrics().end())) {
    const v1::Metric* objective = FirstObjective(study.spec());
    const bool is_objective = objective && objective->name() == name;
    table.AddRow(
        {{absl::StrCat("  ", name), is_objective ? Style::kGreen : Style::kDim},
         {FormatNumber(value, 6)}});
  }
  std::map<std::string, std::string> parameters;
  for (const auto& [name, value] : trial.parameters()) {
    parameters[name] = FormatValue(value);
  }
  for (const auto& [name, value] : parameters) {
    table.AddRow({{absl::StrCat("  ", name), Style::kCyan}, {value}});
  }
  const std::vector<std::string> lines = table.Lines(look);
  for (size_t i = 1; i < lines.size(); ++i) context.out << lines[i] << "\n";
  if (trial.state() == v1::Trial::STOPPED) {
    context.out << "  It was stopped early; no trial ran to its end.\n";
  }
  if (!trial.origin().why().empty()) {
    context.out << Paint(
                       absl::StrCat("  proposed by ", trial.origin().strategy(),
                                    ": ", Printable(trial.origin().why())),
                       Style::kDim, look)
                << "\n";
  }
}

void PrintMany(Context& context, const v1::Study& study,
               const v1::OptimalResponse& optimal) {
  std::vector<Column> columns = {{"number", true}};
  if (optimal.knee_trial_id() != 0) columns.push_back({""});
  for (const v1::Metric& metric : study.spec().metrics()) {
    columns.push_back({metric.name(), true});
  }
  columns.push_back({"state"});
  columns.push_back({"parameters", false, true});
  Table table(columns);
  for (const v1::Trial& trial : optimal.trials()) {
    std::vector<Cell> cells = {{absl::StrCat(trial.number())}};
    if (optimal.knee_trial_id() != 0) {
      const bool is_knee = trial.id() == optimal.knee_trial_id();
      cells.push_back({is_knee ? "knee" : "", Style::kGreen});
    }
    for (const v1::Metric& metric : study.spec().metrics()) {
      const auto it = trial.final_metrics().find(metric.name());
      cells.push_back(
          {it == trial.final_metrics().end() ? "" : FormatNumber(it->second)});
    }
    cells.push_back({FormatState(trial.state()), StyleOf(trial.state())});
    cells.push_back({FormatParameters(trial)});
    table.AddRow(std::move(cells));
  }
  if (optimal.metric().empty()) {
    context.out << "Pareto front: no trial is better in one objective without "
                   "being worse in another.\n";
  }
  if (optimal.knee_trial_id() != 0) {
    context.out << "The knee: from there on, a little more of one costs much "
                   "of another.\n";
  }
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
}

// The bounds that a trial of the answer breaks, as text.
std::string BrokenBounds(const v1::StudySpec& spec, const v1::Trial& trial) {
  std::vector<std::string> broken;
  for (const v1::Metric& metric : spec.metrics()) {
    if (!metric.has_bound()) continue;
    const bool maximize = metric.goal() == v1::MAXIMIZE;
    const auto it = trial.final_metrics().find(metric.name());
    const bool has = it != trial.final_metrics().end();
    if (has && (maximize ? it->second >= metric.bound()
                         : it->second <= metric.bound())) {
      continue;
    }
    broken.push_back(absl::StrCat(
        metric.name(), " is ", has ? FormatNumber(it->second) : "not known",
        ", not ", maximize ? ">= " : "<= ", FormatNumber(metric.bound())));
  }
  return absl::StrJoin(broken, "; ");
}

void PrintInfeasible(Context& context, const v1::Study& study,
                     const v1::OptimalResponse& optimal) {
  const std::string broken =
      optimal.trials_size() == 1
          ? absl::StrCat(": ", BrokenBounds(study.spec(), optimal.trials(0)))
          : "";
  context.out << Paint(absl::StrCat("no trial keeps every bound", broken),
                       Style::kYellow, context.look)
              << "\n";
}

absl::Status NothingFound(const v1::Study& study,
                          const v1::OptimalRequest& request) {
  return absl::NotFoundError(
      request.where().empty()
          ? absl::StrCat("no trial of ", FormatName(study), " has a value")
          : absl::StrCat("no trial of ", FormatName(study),
                         " with a value passes \"", request.where(), "\""));
}

}  // namespace

absl::Status PrintBest(Context& context, const Connection& connection,
                       const v1::OptimalRequest& request) {
  ASSAY_ASSIGN_OR_RETURN(
      const v1::OptimalResponse optimal,
      connection.Call(&v1::StudyService::Stub::Optimal, request));
  if (context.json) {
    context.out << ToJson(optimal).dump(2) << "\n";
    return absl::OkStatus();
  }
  ASSAY_ASSIGN_OR_RETURN(const v1::Study found,
                         GetStudy(connection, request.study()));
  if (optimal.trials().empty()) return NothingFound(found, request);
  if (optimal.trials_size() == 1) {
    PrintOne(context, found, optimal.trials(0));
  } else {
    PrintMany(context, found, optimal);
  }
  if (optimal.infeasible()) PrintInfeasible(context, found, optimal);
  return absl::OkStatus();
}

absl::Status PrintBest(Context& context, const Connection& connection,
                       const std::string& study, int count) {
  v1::OptimalRequest request;
  request.set_study(study);
  request.set_count(count);
  return PrintBest(context, connection, request);
}

}  // namespace assay
