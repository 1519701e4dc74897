#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/exit_code.h"
#include "client/cli/terminal.h"

namespace CLI {
class App;
}

namespace assay {

// What every command is given: the options before it, and where it writes.
struct Context {
  std::string server;  // "host:port" or "unix:/path".
  bool json = false;   // --output json.
  std::ostream& out;
  std::ostream& error;
  Look look;              // Of `out`.
  bool terminal = false;  // `out` is one.
};

// The command that was chosen, with its options.
using Command = std::function<absl::StatusOr<ExitCode>(Context&)>;

// Each adds the commands of one group. Parsing puts the chosen one in
// `command`; both have to outlive the parsing.
void AddStudyCommands(CLI::App& app, Command& command);
// Into the group of studies, which must be there.
void AddInsightCommands(CLI::App& app, Command& command);
void AddPlotCommand(CLI::App& app, Command& command);
void AddTrialCommands(CLI::App& app, Command& command);
// Into the group of trials, which must be there.
void AddCheckpointCommands(CLI::App& app, Command& command);
void AddWorkerCommands(CLI::App& app, Command& command);
void AddServerCommands(CLI::App& app, Command& command);
// What is said inside a trial: report, checkpoint.
void AddReportCommand(CLI::App& app, Command& command);
void AddRunCommand(CLI::App& app, Command& command);

}  // namespace assay
