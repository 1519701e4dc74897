#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

std::string Offers(const v1::Worker& worker) {
  std::vector<std::string> offers(worker.runners().begin(),
                                  worker.runners().end());
  if (worker.builtin()) offers.insert(offers.begin(), "builtin");
  if (worker.any_command()) offers.push_back("any command");
  return absl::StrJoin(offers, ", ");
}

absl::StatusOr<ExitCode> List(Context& context) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::ListWorkersResponse list,
                         connection.Call(&v1::WorkerService::Stub::List,
                                         v1::ListWorkersRequest()));
  if (context.json) {
    context.out << ToJson(list)["workers"].dump(2) << "\n";
    return kExitOk;
  }
  Table table({{"name", false, true},
               {"state"},
               {"busy", true},
               {"slots", true},
               {"gpus", true},
               {"offers", false, true},
               {"last seen"},
               {"version"}});
  for (const v1::Worker& worker : list.workers()) {
    const std::string state = !worker.connected() ? "away"
                              : worker.draining() ? "draining"
                                                  : "connected";
    table.AddRow({{worker.name()},
                  {state, worker.connected() ? Style::kGreen : Style::kRed},
                  {absl::StrCat(worker.busy())},
                  {absl::StrCat(worker.slots())},
                  {absl::StrCat(worker.gpus_size())},
                  {Offers(worker)},
                  {FormatTime(worker.last_seen())},
                  {worker.version()}});
  }
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> Drain(Context& context, const std::string& name,
                               bool undo) {
  const Connection connection(context.server);
  v1::DrainWorkerRequest request;
  request.set_name(name);
  request.set_undo(undo);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Worker worker,
      connection.Call(&v1::WorkerService::Stub::Drain, request));
  if (context.json) {
    context.out << ToJson(worker).dump(2) << "\n";
  } else {
    context.out << "worker " << Printable(name)
                << (undo ? " takes trials again" : " takes no new trials; ")
                << (undo ? "" : absl::StrCat(worker.held_size(), " run on"))
                << "\n";
  }
  return kExitOk;
}

}  // namespace

void AddWorkerCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.add_subcommand("worker", "Workers");
  group->require_subcommand(1);
  struct Options {
    std::string name;
    bool undo = false;
  };
  const auto options = std::make_shared<Options>();
  group->add_subcommand("list", "List workers")->callback([&command] {
    command = List;
  });
  CLI::App* drain = group->add_subcommand(
      "drain", "Let a worker finish what it runs and take nothing new");
  drain->add_option("name", options->name)->required();
  drain->add_flag("--undo", options->undo, "Take trials again");
  drain->callback([&command, options] {
    command = [options](Context& c) {
      return Drain(c, options->name, options->undo);
    };
  });
}

}  // namespace assay
