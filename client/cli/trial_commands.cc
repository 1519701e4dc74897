#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/import_command.h"
#include "client/cli/json.h"
#include "client/cli/parameter_arguments.h"
#include "client/cli/table.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr absl::Duration kFollow = absl::Milliseconds(300);

void PrintTrial(Context& context, const v1::Trial& trial) {
  if (context.json) {
    context.out << ToJson(trial).dump(2) << "\n";
  } else {
    context.out << "trial " << trial.number() << " (id " << trial.id()
                << ") is " << FormatState(trial.state()) << "\n";
  }
}

// --- list, show -------------------------------------------------------------

struct Listing {
  std::string study, filter;
  int limit = 0;  // 0: all.
  bool descending = false;
};

// "1 to 3 of id 12": the trial that it goes on from.
std::string BudgetText(const v1::Trial& trial) {
  return absl::StrCat(
      FormatBudget(trial),
      trial.continues() == 0 ? "" : absl::StrCat(" of id ", trial.continues()));
}

absl::StatusOr<ExitCode> List(Context& context, const Listing& listing) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         GetStudy(connection, listing.study));
  std::vector<Column> columns = {{"number", true}, {"id", true}, {"state"}};
  for (const v1::Metric& metric : study.spec().metrics()) {
    columns.push_back({metric.name(), true});
  }
  const bool replicated = study.spec().replicates().count() > 1;
  if (replicated) columns.push_back({"replicate", true});
  const bool scheduled = study.spec().has_schedule();
  if (scheduled) columns.push_back({"budget"});
  columns.push_back({"step", true});
  columns.push_back({"parameters", false, true});
  columns.push_back({"why", false, true});
  Table table(columns);
  auto json = nlohmann::ordered_json::array();
  v1::ListTrialsRequest request;
  request.set_study(absl::StrCat(study.id()));
  request.set_filter(listing.filter);
  request.set_descending(listing.descending);
  request.set_page_size(listing.limit > 0 ? std::min(listing.limit, 1000)
                                          : 1000);
  for (int shown = 0;;) {
    ASSAY_ASSIGN_OR_RETURN(
        const v1::ListTrialsResponse page,
        connection.Call(&v1::TrialService::Stub::List, request));
    for (const v1::Trial& trial : page.trials()) {
      if (listing.limit > 0 && shown++ == listing.limit) break;
      if (context.json) {
        json.push_back(ToJson(trial));
        continue;
      }
      std::vector<Cell> cells = {
          {absl::StrCat(trial.number())},
          {absl::StrCat(trial.id())},
          {FormatState(trial.state()), StyleOf(trial.state())}};
      for (const v1::Metric& metric : study.spec().metrics()) {
        const auto it = trial.final_metrics().find(metric.name());
        const bool has = it != trial.final_metrics().end();
        cells.push_back({has ? FormatNumber(it->second) : ""});
      }
      if (replicated) cells.push_back({absl::StrCat(trial.replicate())});
      if (scheduled) cells.push_back({BudgetText(trial)});
      cells.push_back({absl::StrCat(trial.last_step())});
      cells.push_back({FormatParameters(trial)});
      cells.push_back({trial.reason(), Style::kDim});
      table.AddRow(std::move(cells));
    }
    const bool enough = listing.limit > 0 && shown >= listing.limit;
    if (page.next_page_token().empty() || enough) break;
    request.set_page_token(page.next_page_token());
  }
  if (context.json) {
    context.out << json.dump(2) << "\n";
    return kExitOk;
  }
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
  return kExitOk;
}

// ", slot 2 (GPU 3: NVIDIA H100)", as far as it is known.
std::string PlaceText(const v1::Attempt& attempt) {
  if (attempt.slot() == 0) return "";
  const std::string slot = absl::StrCat(", slot ", attempt.slot());
  return attempt.gpu().empty()
             ? slot
             : absl::StrCat(slot, " (GPU ", attempt.gpu(), ")");
}

void AddAttempts(Table& table, const v1::Trial& trial) {
  for (const v1::Attempt& attempt : trial.attempt_list()) {
    std::string text =
        absl::StrCat(v1::Attempt::Outcome_Name(attempt.outcome()), " on ",
                     attempt.by_worker() ? "worker " : "client ",
                     attempt.holder(), PlaceText(attempt));
    if (attempt.training_seconds() > 0) {
      absl::StrAppend(&text, ", ", FormatDuration(attempt.training_seconds()));
    }
    if (!attempt.reason().empty()) {
      absl::StrAppend(&text, ": ", attempt.reason());
    }
    table.AddRow({{absl::StrCat("attempt ", attempt.number())}, {text}});
  }
}

absl::StatusOr<ExitCode> Show(Context& context, const std::string& name) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Trial trial, GetTrial(connection, name));
  if (context.json) {
    PrintTrial(context, trial);
    return kExitOk;
  }
  ASSAY_ASSIGN_OR_RETURN(const v1::Study study,
                         GetStudy(connection, absl::StrCat(trial.study_id())));
  Table table({{absl::StrCat(FormatName(study), "/", trial.number())},
               {"", false, true}});
  table.AddRow({{"id"}, {absl::StrCat(trial.id())}});
  table.AddRow(
      {{"state"}, {FormatState(trial.state()), StyleOf(trial.state())}});
  if (!trial.reason().empty()) table.AddRow({{"because"}, {trial.reason()}});
  std::map<std::string, std::string> parameters;
  for (const auto& [key, value] : trial.parameters()) {
    parameters[key] = FormatValue(value);
  }
  for (const auto& [key, value] : parameters) {
    table.AddRow({{absl::StrCat("parameter ", key)}, {value}});
  }
  table.AddRow({{"metrics"}, {FormatMetrics(study.spec(), trial)}});
  if (trial.to_step() > 0) table.AddRow({{"budget"}, {BudgetText(trial)}});
  table.AddRow({{"last step"}, {absl::StrCat(trial.last_step())}});
  table.AddRow(
      {{"proposed by"},
       {absl::StrCat(trial.origin().strategy(), ": ", trial.origin().why())}});
  AddAttempts(table, trial);
  table.AddRow({{"created"}, {FormatTime(trial.created())}});
  if (trial.has_ended()) {
    table.AddRow({{"ended"}, {FormatTime(trial.ended())}});
  }
  if (!trial.note().empty()) table.AddRow({{"note"}, {trial.note()}});
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
  return kExitOk;
}

// --- enqueue, stop, retry ---------------------------------------------------

struct Enqueued {
  std::string study, note;
  std::vector<std::string> parameters;
  int64_t to_step = 0;
};

absl::StatusOr<ExitCode> Enqueue(Context& context, const Enqueued& enqueued) {
  v1::EnqueueRequest request;
  request.set_study(enqueued.study);
  request.set_note(enqueued.note);
  request.set_to_step(enqueued.to_step);
  // A lost answer is asked for again without a second trial.
  request.set_request_id(
      absl::StrCat("cli-", getpid(), "-", absl::GetCurrentTimeNanos()));
  ASSAY_RETURN_IF_ERROR(
      ParseParameters(enqueued.parameters, *request.mutable_parameters()));
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Trial trial,
      connection.Call(&v1::TrialService::Stub::Enqueue, request));
  PrintTrial(context, trial);
  return kExitOk;
}

absl::StatusOr<ExitCode> Stop(Context& context, const std::string& name,
                              const std::string& reason) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Trial found, GetTrial(connection, name));
  v1::StopTrialRequest request;
  request.set_trial_id(found.id());
  request.set_reason(reason);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Trial trial,
      connection.Call(&v1::TrialService::Stub::Stop, request));
  if (trial.state() == v1::Trial::RUNNING && !context.json) {
    context.out << "told trial " << trial.number() << " to stop\n";
  } else {
    PrintTrial(context, trial);
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> RunAgain(Context& context, const std::string& name) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Trial found, GetTrial(connection, name));
  v1::RetryTrialRequest request;
  request.set_trial_id(found.id());
  request.set_request_id(
      absl::StrCat("cli-", getpid(), "-", absl::GetCurrentTimeNanos()));
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Trial trial,
      connection.Call(&v1::TrialService::Stub::Retry, request));
  PrintTrial(context, trial);
  return kExitOk;
}

// --- logs -------------------------------------------------------------------

struct Logs {
  std::string trial;
  int32_t attempt = 0;
  bool follow = false;
};

bool HasEnded(const v1::Trial& trial) {
  return trial.state() != v1::Trial::PENDING &&
         trial.state() != v1::Trial::RUNNING;
}

absl::StatusOr<ExitCode> ShowLogs(Context& context, const Logs& logs) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(v1::Trial trial, GetTrial(connection, logs.trial));
  v1::LogRequest request;
  request.set_trial_id(trial.id());
  request.set_attempt(logs.attempt);
  while (true) {
    // Asked before the read: what is written until the end is not missed.
    const bool ended = HasEnded(trial);
    ASSAY_ASSIGN_OR_RETURN(
        const v1::LogResponse log,
        connection.Call(&v1::TrialService::Stub::Log, request));
    if (log.offset() > request.offset()) {
      context.error << "(" << log.offset() - request.offset()
                    << " older bytes are gone)\n";
    }
    context.out << log.data() << std::flush;
    request.set_offset(log.offset() + static_cast<int64_t>(log.data().size()));
    if (!log.data().empty()) continue;
    if (!logs.follow || ended) return kExitOk;
    absl::SleepFor(kFollow);
    ASSAY_ASSIGN_OR_RETURN(trial,
                           GetTrial(connection, absl::StrCat(trial.id())));
  }
}

}  // namespace

void AddTrialCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.add_subcommand(
      "trial", "Trials; one is named by its id (17) or fashion/3");
  group->require_subcommand(1);
  struct Options {
    Listing listing;
    Enqueued enqueued;
    Logs logs;
    ImportOptions import;
    std::string trial, reason;
  };
  const auto options = std::make_shared<Options>();
  const auto with_trial = [&](const char* name, const char* help) {
    CLI::App* sub = group->add_subcommand(name, help);
    sub->add_option("trial", options->trial, "Its id, or STUDY/NUMBER")
        ->required();
    return sub;
  };

  CLI::App* list = group->add_subcommand("list", "List trials of a study");
  list->add_option("study", options->listing.study)->required();
  list->add_option("--filter", options->listing.filter,
                   "Only those: \"state == 'COMPLETED' and accuracy > 0.9\"");
  list->add_option("-n,--limit", options->listing.limit, "At most so many");
  list->add_flag("--newest", options->listing.descending, "Newest first");
  list->callback([&command, options] {
    command = [options](Context& c) { return List(c, options->listing); };
  });

  with_trial("show", "Show one trial with its attempts")
      ->callback([&command, options] {
        command = [options](Context& c) { return Show(c, options->trial); };
      });

  CLI::App* enqueue =
      group->add_subcommand("enqueue", "Add a configuration to the queue");
  enqueue->add_option("study", options->enqueued.study)->required();
  enqueue->add_option("parameters", options->enqueued.parameters,
                      "NAME=VALUE of each active parameter");
  enqueue->add_option("--to-step", options->enqueued.to_step,
                      "Last step of its budget");
  enqueue->add_option("--note", options->enqueued.note, "For people");
  enqueue->callback([&command, options] {
    command = [options](Context& c) { return Enqueue(c, options->enqueued); };
  });

  CLI::App* import = group->add_subcommand(
      "import", "Add finished trials of a CSV or JSON lines file");
  import->add_option("study", options->import.study)->required();
  import
      ->add_option(
          "file", options->import.file,
          "Of `assay study export`, Optuna, W&B, or with columns named "
          "as parameters and metrics")
      ->required();
  import
      ->add_option("--map", options->import.map,
                   "COLUMN=PARAMETER, if they differ; may be repeated")
      ->allow_extra_args(false);
  import
      ->add_option("--metric", options->import.metric,
                   "COLUMN=METRIC, if they differ; may be repeated")
      ->allow_extra_args(false);
  import->add_flag("--dry-run", options->import.dry_run,
                   "Only say what would be imported and refused");
  import->callback([&command, options] {
    command = [options](Context& c) { return ImportTrials(c, options->import);
};
}  // namespace assay
);

CLI::App* stop = with_trial("stop", "Stop a trial");
stop->add_option("--reason", options->reason, "For people");
stop->callback([&command, options] {
  command = [options](Context& c) {
    return Stop(c, options->trial, options->reason);
  };
});
with_trial("retry", "Run a finished trial again, as a new one")
    ->callback([&command, options] {
      command = [options](Context& c) { return RunAgain(c, options->trial); };
    });

CLI::App* logs = group->add_subcommand("logs", "Output of a trial");
logs->add_option("trial", options->logs.trial, "Its id, or STUDY/NUMBER")
    ->required();
logs->add_option("--attempt", options->logs.attempt, "Not the newest one");
logs->add_flag("-f,--follow", options->logs.follow, "Go on until it ends");
logs->callback([&command, options] {
  command = [options](Context& c) { return ShowLogs(c, options->logs); };
});
}

}  // namespace assay
