#include "tests/worker/trainer/support/trial_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace assay {
namespace {

constexpr timeval kPatience = {.tv_sec = 60, .tv_usec = 0};

}  // namespace

TrialSocket::TrialSocket(std::string path) : path_(std::move(path)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path)) std::abort();
  std::memcpy(address.sun_path, path_.data(), path_.size());
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(listener_, 1) != 0) {
    std::abort();
  }
}

TrialSocket::~TrialSocket() {
  Close();
  close(listener_);
}

bool TrialSocket::Accept() {
  connection_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection_ < 0) return false;
  setsockopt(connection_, SOL_SOCKET, SO_RCVTIMEO, &kPatience,
             sizeof(kPatience));
  return true;
}

std::optional<nlohmann::json> TrialSocket::Receive() {
  size_t end = received_.find('\n');
  std::array<char, 4096> piece;
  while (end == std::string::npos) {
    const ssize_t count = recv(connection_, piece.data(), piece.size(), 0);
    if (count <= 0) return std::nullopt;
    received_.append(piece.data(), static_cast<size_t>(count));
    end = received_.find('\n');
  }
  const std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return nlohmann::json::parse(line);
}

bool TrialSocket::Send(const std::string& line) {
  const std::string text = line + "\n";
  return send(connection_, text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

void TrialSocket::Close() {
  if (connection_ >= 0) close(connection_);
  connection_ = -1;
}

}  // namespace assay
