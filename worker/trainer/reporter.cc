#include "worker/trainer/reporter.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iomanip>
#include <ostream>
#include <utility>

#include "nlohmann/json.hpp"
#include "worker/trainer/termination.h"

namespace assay {
namespace {

using nlohmann::ordered_json;

constexpr size_t kLongestLine = size_t{64} << 10;
constexpr int kPatienceMs = 1000;
constexpr std::chrono::seconds kCheckpointPatience(60);

ordered_json NumberJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

ordered_json MetricsJson(const Metrics& metrics) {
  ordered_json json = ordered_json::object();
  for (const Metric& metric : metrics) {
    json[metric.name] = NumberJson(metric.value);
  }
  return json;
}

std::string Line(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

void Print(std::ostream& out, const Metrics& metrics) {
  for (const Metric& metric : metrics) {
    out << "  " << metric.name << " " << std::setprecision(4) << metric.value;
  }
  out << std::endl;  // Flushed: people follow the file.
}

// A deviation that is not known is left out.
void AddGradient(const MetricGradient& gradient, ordered_json& report) {
  for (const PartialDerivative& partial : gradient.by_parameter) {
    report["gradients"][gradient.metric][partial.parameter] =
        NumberJson(partial.value);
    if (std::isnan(partial.deviation)) continue;
    report["gradient_deviations"][gradient.metric][partial.parameter] =
        NumberJson(partial.deviation);
  }
}

void Print(std::ostream& out, const MetricGradient& gradient) {
  out << "  d " << gradient.metric << " / d";
  for (const PartialDerivative& partial : gradient.by_parameter) {
    out << "  " << partial.parameter << " " << std::setprecision(4)
        << partial.value << " +- " << partial.deviation;
  }
  out << std::endl;
}

}  // namespace

Reporter::Reporter(const std::string& socket_path, std::ostream& out,
                   std::string step_name)
    : out_(out), step_name_(std::move(step_name)) {
  if (!socket_path.empty()) Connect(socket_path);
}

Reporter::~Reporter() {
  if (socket_ >= 0) close(socket_);
}

void Reporter::Connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return GiveUp("the path " + path + " is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return GiveUp(std::strerror(errno));
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    GiveUp(path + ": " + std::strerror(errno));
  }
}

void Reporter::GiveUp(const std::string& why) {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  out_ << "The worker's socket is lost (" << why << "); training goes on."
       << std::endl;
}

void Reporter::Send(const std::string& line) {
  ++sent_;
  size_t sent = 0;
  while (socket_ >= 0 && sent < line.size()) {
    const ssize_t count = send(socket_, line.data() + sent, line.size() - sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!AwaitRoom()) GiveUp("SIGTERM came while nobody read");
    } else if (errno != EINTR) {
      GiveUp(std::strerror(errno));
    }
  }
}

bool Reporter::AwaitRoom() const {
  for (;;) {
    const bool last_round = TerminationRequested();
    pollfd wanted = {.fd = socket_, .events = POLLOUT, .revents = 0};
    if (poll(&wanted, 1, kPatienceMs) > 0) return true;
    if (last_round) return false;
  }
}

void Reporter::Receive() {
  std::array<char, 4096> piece;
  while (socket_ >= 0) {
    const ssize_t count =
        recv(socket_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (count == 0) return GiveUp("closed by the worker");
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        GiveUp(std::strerror(errno));
      }
      return;
    }
    received_.append(piece.data(), static_cast<size_t>(count));
    for (size_t end = received_.find('\n'); end != std::string::npos;
         end = received_.find('\n')) {
      Understand(received_.substr(0, end));
      received_.erase(0, end + 1);
    }
    if (received_.size() > kLongestLine) return GiveUp("a line above 64 KiB");
  }
}

void Reporter::Understand(const std::string& line) {
  const auto message = nlohmann::json::parse(line, nullptr, false);
  if (!message.is_object()) return;
  const nlohmann::json ack = message.value("ack", nlohmann::json());
  if (ack.is_number_integer()) acknowledged_ = ack.get<int64_t>();
  if (message.contains("error")) TakeError(message["error"]);
  if (!message.contains("stop")) return;
  if (stop_reason_.has_value()) return;  // The first reason counts.
  const nlohmann::json& reason = message["stop"];
  stop_reason_ = reason.is_string() ? reason.get<std::string>() : reason.dump();
}

std::optional<std::string> Reporter::StopReason() {
  Receive();
  if (!stop_reason_.has_value() && TerminationRequested()) {
    stop_reason_ = "SIGTERM";
  }
  return stop_reason_;
}

void Reporter::TakeError(const nlohmann::json& reason) {
  ++refused_;
  out_ << "The worker refused a line: " << reason << std::endl;
}

void Reporter::Note(const std::string& text) { out_ << text << std::endl; }

void Reporter::AnnounceCheckpoint(int64_t step) {
  Send(Line({{"checkpoint", {{"step", step}}}}));
  checkpoint_line_ = sent_;
}

bool Reporter::Unanswered() const {
  return socket_ >= 0 && acknowledged_ + refused_ < checkpoint_line_;
}

bool Reporter::CheckpointAnswered() {
  Receive();
  return !Unanswered();
}

void Reporter::AwaitCheckpoint() {
  const auto end = std::chrono::steady_clock::now() + kCheckpointPatience;
  while (!CheckpointAnswered()) {
    if (std::chrono::steady_clock::now() >= end) {
      return Note("The worker has not taken the last checkpoint in a minute.");
    }
    pollfd wanted = {.fd = socket_, .events = POLLIN, .revents = 0};
    poll(&wanted, 1, kPatienceMs);
  }
}

void Reporter::Report(int64_t step, const Metrics& metrics,
                      const std::optional<MetricGradient>& gradient) {
  out_ << step_name_ << " " << step;
  Print(out_, metrics);
  ordered_json report = {{"step", step}, {"metrics", MetricsJson(metrics)}};
  if (gradient.has_value()) {
    Print(out_, *gradient);
    AddGradient(*gradient, report);
  }
  Send(Line({{"report", report}}));
}

void Reporter::Attribute(const std::string& key, const std::string& value) {
  Send(Line({{"attribute", {{"key", key}, {"value", value}}}}));
}

void Reporter::Completed(const Metrics& metrics) {
  out_ << "completed";
  Print(out_, metrics);
  Send(Line({{"finish",
              {{"state", "COMPLETED"}, {"metrics", MetricsJson(metrics)}}}}));
}

void Reporter::Stopped(const std::string& reason, const Metrics& metrics) {
  out_ << "stopped (" << reason << ")";
  Print(out_, metrics);
  Send(Line({{"finish",
              {{"state", "STOPPED"},
               {"reason", reason},
               {"metrics", MetricsJson(metrics)}}}}));
}

}  // namespace assay
