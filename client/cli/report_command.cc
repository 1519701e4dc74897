#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <ostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/json.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

struct Report {
  std::optional<int64_t> step;
  bool is_final = false;
  std::vector<std::string> metrics;  // "loss=0.4".
};

absl::StatusOr<nlohmann::ordered_json> ParseMetrics(
    const std::vector<std::string>& texts) {
  auto metrics = nlohmann::ordered_json::object();
  for (const std::string& text : texts) {
    const size_t equals = text.rfind('=');
    double value = 0;
    if (equals == std::string::npos || equals == 0 ||
        !absl::SimpleAtod(text.substr(equals + 1), &value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", text, "\": NAME=NUMBER is wanted, as in loss=0.4"));
    }
    metrics[text.substr(0, equals)] = ToJson(value);
  }
  return metrics;
}

// The line that says it, as the worker reads it.
absl::StatusOr<std::string> ToLine(const Report& report) {
  ASSAY_ASSIGN_OR_RETURN(const auto metrics, ParseMetrics(report.metrics));
  nlohmann::ordered_json line;
  if (report.is_final) {
    line["finish"] = {{"state", "COMPLETED"}, {"metrics", metrics}};
  } else if (report.step && !metrics.empty()) {
    line["report"] = {{"step", *report.step}, {"metrics", metrics}};
  } else {
    return absl::InvalidArgumentError(
        "give --step N and at least one NAME=NUMBER, or --final");
  }
  return line.dump() + "\n";
}

absl::Status Errno(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// The socket to the worker. Blocking: a report waits until it is taken.
class TrialSocket {
 public:
  ~TrialSocket() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  absl::Status Connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("ASSAY_SOCKET: ", path.size(), " bytes; at most ",
                       sizeof(address.sun_path) - 1));
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    descriptor_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) return Errno("socket");
    if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) != 0) {
      return Errno("the worker does not answer");
    }
    return absl::OkStatus();
  }

  absl::Status Send(const std::string& line) {
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t n = send(descriptor_, line.data() + sent,
                             line.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return Errno("the worker does not listen");
      sent += static_cast<size_t>(n);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReceiveLine() {
    while (true) {
      const size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      char piece[4096];
      const ssize_t n = recv(descriptor_, piece, sizeof(piece), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        return absl::UnavailableError("the worker closed the connection");
      }
      buffer_.append(piece, static_cast<size_t>(n));
    }
  }

 private:
  int descriptor_ = -1;
  std::string buffer_;
};

// Answered once the worker has taken it.
absl::StatusOr<ExitCode> Send(Context& context,
                              const absl::StatusOr<std::string>& line) {
  const char* path = std::getenv("ASSAY_SOCKET");
  if (path == nullptr || *path == '\0') {
    return absl::FailedPreconditionError(
        "this is no trial: ASSAY_SOCKET is not set. A worker sets it for the "
        "programs that it runs");
  }
  if (!line.ok()) return line.status();
  TrialSocket socket;
  ASSAY_RETURN_IF_ERROR(socket.Connect(path));
  ASSAY_RETURN_IF_ERROR(socket.Send(*line));
  std::optional<std::string> stop;
  while (true) {
    ASSAY_ASSIGN_OR_RETURN(const std::string text, socket.ReceiveLine());
    const auto answer = nlohmann::json::parse(text, nullptr, false);
    if (!answer.is_object()) continue;
    if (answer.contains("stop")) {
      stop =
          answer["stop"].is_string() ? answer["stop"].get<std::string>() : "";
    }
    if (answer.contains("error")) {
      return absl::InvalidArgumentError(answer["error"].dump());
    }
    if (answer.contains("ack")) break;
  }
  if (!stop) return kExitOk;
  context.error << "stop: " << *stop << "\n";
  return kExitShouldStop;
}

}  // namespace

void AddReportCommand(CLI::App& app, Command& command) {
  const auto report = std::make_shared<Report>();
  CLI::App* sub = app.add_subcommand(
      "report", "Inside a trial: report metrics; exit code 3: stop now");
  sub->add_option("--step", report->step, "Epoch or iteration")
      ->check(CLI::NonNegativeNumber);
  sub->add_flag("--final", report->is_final, "These are the final values");
  sub->add_option("metrics", report->metrics, "NAME=NUMBER, as in loss=0.4");
  sub->callback([&command, report] {
    command = [report](Context& c) { return Send(c, ToLine(*report)); };
  });

  const auto step = std::make_shared<int64_t>();
  CLI::App* checkpoint =
      app.add_subcommand("checkpoint",
                         "Inside a trial: what lies in $ASSAY_CHECKPOINT is "
                         "complete, keep a copy; "
                         "exit code 3: stop now");
  checkpoint->add_option("--step", *step, "The last step that is in it")
      ->check(CLI::NonNegativeNumber)
      ->required();
  checkpoint->callback([&command, step] {
    command = [step](Context& c) {
      const nlohmann::ordered_json line = {{"checkpoint", {{"step", *step}}}};
      return Send(c, line.dump() + "\n");
    };
  });
}

}  // namespace assay
