#include "worker/trainer/standby.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "nlohmann/json.hpp"
#include "worker/trainer/termination.h"

namespace assay {
namespace {

constexpr size_t kLongestLine = size_t{1} << 20;

enum class Readiness { kReadable, kTerminated, kBroken };

// SIGTERM stays blocked but while ppoll() waits, so that none slips in between
// the question whether it came and the wait.
class BlockedTermination {
 public:
  BlockedTermination() {
    sigset_t termination;
    sigemptyset(&termination);
    sigaddset(&termination, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &termination, &before_);
    sigdelset(&before_, SIGTERM);
  }
  ~BlockedTermination() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedTermination(const BlockedTermination&) = delete;
  BlockedTermination& operator=(const BlockedTermination&) = delete;

  Readiness AwaitInput(int descriptor) const {
    for (;;) {
      if (TerminationRequested()) return Readiness::kTerminated;
      pollfd wanted = {.fd = descriptor, .events = POLLIN, .revents = 0};
      if (ppoll(&wanted, 1, nullptr, &before_) > 0) return Readiness::kReadable;
      if (errno != EINTR) return Readiness::kBroken;
    }
  }

 private:
  sigset_t before_;
};

std::string TextOf(const nlohmann::json& order, const char* key) {
  const auto found = order.find(key);
  return found != order.end() && found->is_string() ? found->get<std::string>()
                                                    : "";
}

}  // namespace

Result<Order> ParseOrder(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return Failure("standby: not a JSON object: " + line);
  Order order = {.trial = TextOf(json, "trial"),
                 .socket = TextOf(json, "socket"),
                 .directory = TextOf(json, "directory"),
                 .resume = TextOf(json, "resume"),
                 .checkpoint = TextOf(json, "checkpoint")};
  if (order.trial.empty()) {
    return Failure("standby: \"trial\" names no file: " + line);
  }
  return order;
}

Result<std::optional<Order>> AwaitOrder(int descriptor) {
  const BlockedTermination blocked;
  std::string line;
  std::array<char, 4096> piece;
  while (line.find('\n') == std::string::npos) {
    const Readiness readiness = blocked.AwaitInput(descriptor);
    if (readiness == Readiness::kTerminated) return std::optional<Order>();
    const ssize_t count = readiness == Readiness::kBroken
                              ? -1
                              : read(descriptor, piece.data(), piece.size());
    if (count == 0) return std::optional<Order>();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Failure(std::string("standby: stdin: ") + std::strerror(errno));
    }
    line.append(piece.data(), static_cast<size_t>(count));
    if (line.size() > kLongestLine) return Failure("standby: line above 1 MiB");
  }
  TRAINER_ASSIGN_OR_RETURN(Order order,
                           ParseOrder(line.substr(0, line.find('\n'))));
  return std::optional<Order>(std::move(order));
}

}  // namespace assay
