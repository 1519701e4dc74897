#include "client/cli/rung_table.h"

#include <cmath>
#include <map>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/table.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

struct Rung {
  int64_t completed = 0;
  int64_t other_ends = 0;
  int64_t unfinished = 0;
  std::optional<double> best = {};
  int64_t best_number = 0;
};

bool IsBetter(const v1::Metric& metric, double a, double b) {
  return metric.goal() == v1::MAXIMIZE ? a > b : a < b;
}

void Add(const v1::Metric& metric, const v1::Trial& trial, Rung& rung) {
  if (trial.state() != v1::Trial::COMPLETED) {
    const bool ended = trial.has_ended();
    ++(ended ? rung.other_ends : rung.unfinished);
    return;
  }
  ++rung.completed;
  const auto value = trial.final_metrics().find(metric.name());
  if (value == trial.final_metrics().end() || std::isnan(value->second)) return;
  if (rung.best && !IsBetter(metric, value->second, *rung.best)) return;
  rung.best = value->second;
  rung.best_number = trial.number();
}

// By the step at which their runs end.
absl::StatusOr<std::map<int64_t, Rung>> ReadRungs(const Connection& connection,
                                                  const v1::Study& study,
                                                  const v1::Metric& metric) {
  std::map<int64_t, Rung> rungs;
  v1::ListTrialsRequest request;
  request.set_study(absl::StrCat(study.id()));
  request.set_page_size(1000);
  while (true) {
    ASSAY_ASSIGN_OR_RETURN(
        const v1::ListTrialsResponse page,
        connection.Call(&v1::TrialService::Stub::List, request));
    for (const v1::Trial& trial : page.trials()) {
      Add(metric, trial, rungs[trial.to_step()]);
    }
    if (page.next_page_token().empty()) return rungs;
    request.set_page_token(page.next_page_token());
  }
}

}  // namespace

absl::Status PrintRungs(Context& context, const Connection& connection,
                        const v1::Study& study) {
  const v1::Metric* metric = FirstObjective(study.spec());
  if (metric == nullptr) return absl::OkStatus();
  ASSAY_ASSIGN_OR_RETURN(const auto rungs,
                         ReadRungs(connection, study, *metric));
  Table table({{"to step", true},
               {"completed", true},
               {"running or waiting", true},
               {"ended otherwise", true},
               {absl::StrCat("best ", metric->name()), true},
               {"of trial", true}});
  for (const auto& [step, rung] : rungs) {
    table.AddRow({{step == 0 ? "the end" : absl::StrCat(step)},
                  {absl::StrCat(rung.completed)},
                  {absl::StrCat(rung.unfinished)},
                  {absl::StrCat(rung.other_ends)},
                  {rung.best ? FormatNumber(*rung.best) : ""},
                  {rung.best ? absl::StrCat(rung.best_number) : ""}});
  }
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
  return absl::OkStatus();
}

}  // namespace assay
