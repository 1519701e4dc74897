#include "server/grpc/server_service.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/factory.h"
#include "server/grpc/unary.h"

namespace assay {
namespace {

constexpr size_t kMaxPathBytes = 4000;  // PATH_MAX, and room for ".partial".

absl::Status CheckBackupPath(const std::filesystem::path& path) {
  const std::string& text = path.native();
  if (text.size() > kMaxPathBytes || absl::StrContains(text, '\0')) {
    return absl::InvalidArgumentError(
        absl::StrCat("path: ", text.size(), " bytes; at most ", kMaxPathBytes,
                     ", without a zero byte"));
  }
  if (!path.is_absolute()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "path: \"", text, "\"; an absolute path on the server's machine"));
  }
  std::error_code error;
  if (!std::filesystem::is_directory(path.parent_path(), error)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "path: ", text, "; ", path.parent_path().native(), " is no folder"));
  }
  if (std::filesystem::exists(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("path: ", text, " exists"));
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ServerService::Backup(
    grpc::CallbackServerContext* call, const v1::BackupRequest* request,
    v1::BackupResponse* response) {
  return HandleOnPool(
      context_, call, "ServerService/Backup", response,
      [this, request]() -> absl::StatusOr<v1::BackupResponse> {
        const std::filesystem::path path = request->path();
        ASSAY_RETURN_IF_ERROR(CheckBackupPath(path));
        ASSAY_RETURN_IF_ERROR(context_.storage.Backup(request->path()));
        std::error_code error;
        v1::BackupResponse backup;
        backup.set_bytes(
            static_cast<int64_t>(std::filesystem::file_size(path, error)));
        return backup;
      });
}

grpc::ServerUnaryReactor* ServerService::Check(
    grpc::CallbackServerContext* call, const v1::CheckRequest*,
    v1::CheckResponse* response) {
  return HandleOnPool(context_, call, "ServerService/Check", response,
                      [this]() -> absl::StatusOr<v1::CheckResponse> {
                        ASSAY_ASSIGN_OR_RETURN(
                            const std::vector<std::string> problems,
                            context_.storage.Check());
                        v1::CheckResponse check;
                        for (const std::string& problem : problems) {
                          check.add_problems(problem);
                        }
                        return check;
                      });
}

grpc::ServerUnaryReactor* ServerService::Info(grpc::CallbackServerContext* call,
                                              const v1::InfoRequest*,
                                              v1::InfoResponse* response) {
  return Handle(context_, call, "ServerService/Info", response,
                [&](Reply<v1::InfoResponse> reply) {
                  v1::InfoResponse info;
                  info.set_version(ASSAY_VERSION);
                  info.set_uptime_seconds(absl::ToDoubleSeconds(
                      context_.clock.SinceBoot() - context_.started));
                  info.set_data_dir(context_.data_dir);
                  for (const auto& name : SearchStrategyNames()) {
                    info.add_algorithms(name);
                  }
                  for (const auto& name : EarlyStoppingRuleNames()) {
                    info.add_stopping_rules(name);
                  }
                  reply(std::move(info));
                });
}

}  // namespace assay
