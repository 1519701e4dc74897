#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

absl::StatusOr<ExitCode> Backup(Context& context, const std::string& path) {
  const Connection connection(context.server);
  v1::BackupRequest request;
  request.set_path(std::filesystem::absolute(path).string());
  ASSAY_ASSIGN_OR_RETURN(
      const v1::BackupResponse backup,
      connection.Call(&v1::ServerService::Stub::Backup, request));
  if (context.json) {
    context.out << ToJson(backup).dump(2) << "\n";
  } else {
    context.out << "wrote " << request.path() << ", " << backup.bytes()
                << " bytes, on the server's machine\n";
  }
  return kExitOk;
}

absl::StatusOr<ExitCode> Check(Context& context) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::CheckResponse check,
      connection.Call(&v1::ServerService::Stub::Check, v1::CheckRequest()));
  if (context.json) {
    context.out << ToJson(check).dump(2) << "\n";
  } else if (check.problems().empty()) {
    context.out << "everything is in order\n";
  }
  for (const std::string& problem : check.problems()) {
    if (!context.json) context.out << Printable(problem) << "\n";
  }
  return check.problems().empty() ? kExitOk : kExitError;
}

absl::StatusOr<ExitCode> Info(Context& context) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::InfoResponse info,
      connection.Call(&v1::ServerService::Stub::Info, v1::InfoRequest()));
  if (context.json) {
    context.out << ToJson(info).dump(2) << "\n";
    return kExitOk;
  }
  context.out << "assay-server " << info.version() << " at " << context.server
              << "\n  up          " << FormatDuration(info.uptime_seconds())
              << "\n  data        " << info.data_dir() << "\n  algorithms  "
              << absl::StrJoin(info.algorithms(), ", ") << "\n  stopping    "
              << absl::StrJoin(info.stopping_rules(), ", ") << "\n";
  return kExitOk;
}

}  // namespace

void AddServerCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.add_subcommand("server", "The coordinator itself");
  group->require_subcommand(1);
  const auto path = std::make_shared<std::string>();
  CLI::App* backup =
      group->add_subcommand("backup", "Copy its database, while it works");
  backup->add_option("path", *path, "On the server's machine; a new file")
      ->required();
  backup->callback([&command, path] {
    command = [path](Context& c) { return Backup(c, *path); };
  });
  group->add_subcommand("check", "Check its database")->callback([&command] {
    command = Check;
  });
  group->add_subcommand("info", "Version and abilities")->callback([&command] {
    command = Info;
  });
}

}  // namespace assay
