#include <unistd.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <cstdlib>
#include <iostream>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/terminal.h"

namespace assay {
namespace {

bool WantsColor(const std::string& choice, bool terminal) {
  if (choice != "auto") return choice == "always";
  const char* no_color = std::getenv("NO_COLOR");
  return terminal && (no_color == nullptr || *no_color == '\0');
}

// A message may have several lines: the end of a log.
void PrintError(const absl::Status& status) {
  std::cerr << "assay: ";
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    std::cerr << Printable(line) << "\n";
  }
}

int Run(int argc, char** argv) {
  std::setlocale(LC_ALL, "");
  std::string server = "127.0.0.1:7070", output = "table", color = "auto";
  CLI::App app("assay: hyperparameter studies from the command line");
  app.footer(kExitCodeHelp);
  app.set_version_flag("--version", "assay " ASSAY_VERSION);
  app.add_option("--server", server, "The coordinator")
      ->envname("ASSAY_SERVER")
      ->type_name("HOST:PORT|unix:PATH")
      ->capture_default_str();
  app.add_option("--output", output, "table, or json for programs")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.add_option("--color", color, "auto: on a terminal")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  Command command;
  AddStudyCommands(app, command);
  AddInsightCommands(app, command);
  AddPlotCommand(app, command);
  AddTrialCommands(app, command);
  AddCheckpointCommands(app, command);
  AddWorkerCommands(app, command);
  AddServerCommands(app, command);
  AddReportCommand(app, command);
  AddRunCommand(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const bool terminal = IsTerminal(STDOUT_FILENO);
  Context context{
      .server = server,
      .json = output == "json",
      .out = std::cout,
      .error = std::cerr,
      .look = {.color = WantsColor(color, terminal),
               .unicode = IsUtf8Locale(),
               // What is read by a program is not cut.
               .width = terminal ? GetTerminalSize(STDOUT_FILENO).columns : 0},
      .terminal = terminal};
  const absl::StatusOr<ExitCode> code = command(context);
  std::cout.flush();
  if (code.ok()) return *code;
  PrintError(code.status());
  return ToExitCode(code.status());
}

}  // namespace
}  // namespace assay

int main(int argc, char** argv) { return assay::Run(argc, argv); }
