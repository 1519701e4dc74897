#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/connection.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "client/rpc/fetch_files.h"
#include "proto/convert_checkpoint.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kPage = 1000;
constexpr absl::Duration kPatience = absl::Seconds(60);

struct Wanted {
  std::string trial;
  std::string folder;
  int64_t id = 0;  // 0: the newest.
};

std::string BytesOfQuota(const v1::ListCheckpointsResponse& page) {
  return absl::StrCat("the study's checkpoints take ", page.study_bytes(),
                      " of ", page.max_bytes(), " bytes");
}

void AddRows(const v1::ListCheckpointsResponse& page, Table& table) {
  for (const v1::Checkpoint& checkpoint : page.checkpoints()) {
    table.AddRow({{absl::StrCat(checkpoint.id())},
                  {absl::StrCat(checkpoint.attempt())},
                  {absl::StrCat(checkpoint.step())},
                  {absl::StrCat(checkpoint.files())},
                  {absl::StrCat(checkpoint.bytes())},
                  {FormatTime(checkpoint.created())},
                  {FormatTime(checkpoint.unneeded_since())}});
  }
}

absl::StatusOr<ExitCode> List(Context& context, const std::string& name) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Trial trial, GetTrial(connection, name));
  v1::ListCheckpointsRequest request;
  request.set_trial_id(trial.id());
  request.set_page_size(kPage);
  Table table({{"id", true},
               {"attempt", true},
               {"step", true},
               {"files", true},
               {"bytes", true},
               {"created"},
               {"unneeded since"}});
  auto json = nlohmann::ordered_json::array();
  v1::ListCheckpointsResponse page;
  do {
    ASSAY_ASSIGN_OR_RETURN(
        page, connection.Call(&v1::CheckpointService::Stub::List, request));
    AddRows(page, table);
    for (const v1::Checkpoint& checkpoint : page.checkpoints()) {
      json.push_back(ToJson(checkpoint));
      request.set_after_id(checkpoint.id());
    }
  } while (page.checkpoints_size() == kPage);
  if (context.json) {
    context.out << json.dump(2) << "\n";
    return kExitOk;
  }
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
  context.out << BytesOfQuota(page) << "\n";
  return kExitOk;
}

absl::StatusOr<ExitCode> Get(Context& context, const Wanted& wanted) {
  const Connection connection(context.server);
  ASSAY_ASSIGN_OR_RETURN(const v1::Trial trial,
                         GetTrial(connection, wanted.trial));
  v1::GetCheckpointRequest request;
  request.set_id(wanted.id);
  request.set_trial_id(trial.id());
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Checkpoint message,
      connection.Call(&v1::CheckpointService::Stub::Get, request));
  if (message.trial_id() != trial.id()) {
    return absl::NotFoundError(absl::StrCat("checkpoint ", wanted.id,
                                            " is not of trial ", wanted.trial));
  }
  ASSAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, ToCheckpoint(message));
  ASSAY_RETURN_IF_ERROR(FetchFiles(checkpoint.manifest, wanted.folder,
                                   [&](const v1::GetChunkRequest& chunk) {
                                     return connection.Call(
                                         &v1::CheckpointService::Stub::GetChunk,
                                         chunk, kPatience);
                                   }));
  if (context.json) {
    context.out << ToJson(message).dump(2) << "\n";
  } else {
    context.out << wanted.folder << ": step " << checkpoint.step << " of trial "
                << trial.number() << ", " << checkpoint.files << " files, "
                << checkpoint.bytes << " bytes\n";
  }
  return kExitOk;
}

}  // namespace

void AddCheckpointCommands(CLI::App& app, Command& command) {
  CLI::App* group = app.get_subcommand("trial");
  const auto wanted = std::make_shared<Wanted>();
  const char* names = "Its id, or STUDY/NUMBER";

  CLI::App* list =
      group->add_subcommand("checkpoints", "The checkpoints kept of a trial");
  list->add_option("trial", wanted->trial, names)->required();
  list->callback([&command, wanted] {
    command = [wanted](Context& c) { return List(c, wanted->trial); };
  });

  CLI::App* checkpoint =
      group->add_subcommand("checkpoint", "What a trial left");
  checkpoint->require_subcommand(1);
  CLI::App* get = checkpoint->add_subcommand(
      "get", "Write its files into a new folder; the newest");
  get->add_option("trial", wanted->trial, names)->required();
  get->add_option("folder", wanted->folder, "Is made")->required();
  get->add_option("--id", wanted->id, "Another one, of `trial checkpoints`")
      ->check(CLI::PositiveNumber);
  get->callback([&command, wanted] {
    command = [wanted](Context& c) { return Get(c, *wanted); };
  });
}

}  // namespace assay
