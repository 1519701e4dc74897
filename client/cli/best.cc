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

const v1::ReplicateSummary* FindSummary(const v1::OptimalResponse& optimal,
                                        const v1::Trial& trial) {
  for (const v1::ReplicateSummary& summary : optimal.replicates()) {
    if (summary.trial_id() == trial.id()) return &summary;
  }
  return nullptr;
}

// Of the configuration if it is run several times, else of the trial.
std::map<std::string, double> MetricsOf(const v1::OptimalResponse& optimal,
                                        const v1::Trial& trial) {
  const v1::ReplicateSummary* summary = FindSummary(optimal, trial);
  const auto& metrics =
      summary == nullptr ? trial.final_metrics() : summary->mean();
  return {metrics.begin(), metrics.end()};
}

// "0.91 +- 0.002": mean and standard error.
std::string ValueText(const v1::OptimalResponse& optimal,
                      const v1::Trial& trial, const std::string& metric,
                      double value, int digits) {
  const v1::ReplicateSummary* summary = FindSummary(optimal, trial);
  const std::string text = FormatNumber(value, digits);
  if (summary == nullptr) return text;
  const auto error = summary->standard_error().find(metric);
  if (error == summary->standard_error().end()) return text;
  return absl::StrCat(text, " +- ", FormatNumber(error->second, digits));
}

// "trained in trials 3 (to step 1), 12 (1 to 3), 20 (3 to 9)".
std::string LineageText(const v1::Lineage& lineage) {
  std::vector<std::string> runs;
  for (const v1::Trial& run : lineage.runs()) {
    runs.push_back(absl::StrCat(run.number(), " (", FormatBudget(run), ")"));
  }
  return absl::StrCat("trained in trial", runs.size() == 1 ? " " : "s ",
                      absl::StrJoin(runs, ", "));
}

void PrintOne(Context& context, const v1::Study& study,
              const v1::OptimalResponse& optimal) {
  const v1::Trial& trial = optimal.trials(0);
  const Look& look = context.look;
  context.out << Paint(absl::StrCat("best trial of ",
                                    Printable(FormatName(study)), ": number ",
                                    trial.number(), " (id ", trial.id(), ")"),
                       Style::kBold, look)
              << "\n";
  if (const v1::ReplicateSummary* summary = FindSummary(optimal, trial)) {
    context.out << "  mean of " << summary->count()
                << (summary->count() == 1 ? " run" : " runs")
                << " of its configuration, +- standard error\n";
  }
  if (!optimal.lineages().empty()) {
    context.out << "  " << LineageText(optimal.lineages(0)) << "\n";
  }
  Table table({{""}, {""}});
  for (const auto& [name, value] : MetricsOf(optimal, trial)) {
    const v1::Metric* objective = FirstObjective(study.spec());
    const bool is_objective = objective && objective->name() == name;
    table.AddRow(
        {{absl::StrCat("  ", name), is_objective ? Style::kGreen : Style::kDim},
         {ValueText(optimal, trial, name, value, 6)}});
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
  if (!optimal.replicates().empty()) columns.push_back({"runs", true});
  columns.push_back({"state"});
  columns.push_back({"parameters", false, true});
  Table table(columns);
  for (const v1::Trial& trial : optimal.trials()) {
    std::vector<Cell> cells = {{absl::StrCat(trial.number())}};
    if (optimal.knee_trial_id() != 0) {
      const bool is_knee = trial.id() == optimal.knee_trial_id();
      cells.push_back({is_knee ? "knee" : "", Style::kGreen});
    }
    const std::map<std::string, double> metrics = MetricsOf(optimal, trial);
    for (const v1::Metric& metric : study.spec().metrics()) {
      const auto it = metrics.find(metric.name());
      cells.push_back(
          {it == metrics.end()
               ? ""
               : ValueText(optimal, trial, metric.name(), it->second, 5)});
    }
    if (const v1::ReplicateSummary* summary = FindSummary(optimal, trial)) {
      cells.push_back({absl::StrCat(summary->count())});
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
std::string BrokenBounds(const v1::StudySpec& spec,
                         const v1::OptimalResponse& optimal) {
  const std::map<std::string, double> metrics =
      MetricsOf(optimal, optimal.trials(0));
  std::vector<std::string> broken;
  for (const v1::Metric& metric : spec.metrics()) {
    if (!metric.has_bound()) continue;
    const bool maximize = metric.goal() == v1::MAXIMIZE;
    const auto it = metrics.find(metric.name());
    const bool has = it != metrics.end();
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
          ? absl::StrCat(": ", BrokenBounds(study.spec(), optimal))
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
    PrintOne(context, found, optimal);
  } else {
    PrintMany(context, found, optimal);
  }
  if (optimal.infeasible()) PrintInfeasible(context, found, optimal);
  if (!optimal.shortfall().empty()) {
    context.out << Paint(Printable(optimal.shortfall()), Style::kYellow,
                         context.look)
                << "\n";
  }
  if (!optimal.tie().empty()) {
    context.out << Paint(Printable(optimal.tie()), Style::kYellow, context.look)
                << "\n";
  }
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
