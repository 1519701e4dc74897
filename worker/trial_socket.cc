#include "worker/trial_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/system_error.h"

namespace assay {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr size_t kMaxDrainReads = 256;

}  // namespace

absl::StatusOr<std::unique_ptr<TrialSocket>> TrialSocket::Listen(
    EventLoop& loop, std::string path, Take take,
    TakeCheckpoint take_checkpoint) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "socket path ", path, " has ", path.size(), " bytes; 107 are allowed"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor listener(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return SystemError("socket");
  unlink(path.c_str());
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    return SystemError(absl::StrCat("socket ", path));
  }
  return std::unique_ptr<TrialSocket>(
      new TrialSocket(loop, std::move(path), std::move(listener),
                      std::move(take), std::move(take_checkpoint)));
}

TrialSocket::TrialSocket(EventLoop& loop, std::string path, Descriptor listener,
                         Take take, TakeCheckpoint take_checkpoint)
    : loop_(loop),
      path_(std::move(path)),
      listener_(std::move(listener)),
      take_(std::move(take)),
      take_checkpoint_(std::move(take_checkpoint)) {
  WatchListener();
}

TrialSocket::~TrialSocket() {
  loop_.Unwatch(listener_watch_);
  while (!connections_.empty()) Close(connections_.begin()->first);
  unlink(path_.c_str());
}

void TrialSocket::Stop(absl::string_view reason) {
  if (stop_line_.has_value()) return;
  stop_line_ = StopLine(reason);
  for (auto& [id, connection] : connections_) {
    absl::StrAppend(&connection.answers, *stop_line_);
    Send(connection);
    Rewatch(id, connection);
  }
}

void TrialSocket::SetPaused(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  for (auto& [id, connection] : connections_) Rewatch(id, connection);
}

void TrialSocket::Drain() {
  paused_ = true;  // What is accepted now is read below, not by the loop.
  draining_ = true;
  for (Accept(); !connections_.empty(); Accept()) DrainConnections();
  loop_.Unwatch(std::exchange(listener_watch_, 0));
  listener_.Close();
}

void TrialSocket::DrainConnections() {
  while (!connections_.empty()) {
    const Id id = connections_.begin()->first;
    Connection& connection = connections_.begin()->second;
    TakeLines(id, connection);  // Those that waited for an answer.
    // A grandchild may write on for ever.
    for (size_t reads = 0; reads < kMaxDrainReads; ++reads) {
      if (!Receive(id, connection) || connection.at_end) break;
    }
    Send(connection);
    Close(id);
  }
}

void TrialSocket::WatchListener() {
  const bool full = connections_.size() >= kMaxConnections;
  if (full || !listener_ || listener_watch_ != 0) return;
  listener_watch_ =
      loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

void TrialSocket::Accept() {
  while (listener_ && connections_.size() < kMaxConnections) {
    Descriptor socket(accept4(listener_.get(), nullptr, nullptr,
                              SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    const Id id = ++last_id_;
    Connection& connection = connections_[id];
    connection.socket = std::move(socket);
    if (stop_line_.has_value()) connection.answers = *stop_line_;
    Send(connection);
    Rewatch(id, connection);
  }
  loop_.Unwatch(std::exchange(listener_watch_, 0));  // Until one closes.
}

void TrialSocket::OnReady(Id id, uint32_t events) {
  Connection& connection = connections_.at(id);
  if ((events & ~uint32_t{EPOLLOUT}) != 0) Receive(id, connection);
  CloseOrRewatch(id, connection);
}

void TrialSocket::CloseOrRewatch(Id id, Connection& connection) {
  Send(connection);
  if (connection.at_end && !connection.waiting) {
    Close(id);
  } else {
    Rewatch(id, connection);
  }
}

bool TrialSocket::Receive(Id id, Connection& connection) {
  std::array<char, kReadBytes> buffer;
  const ssize_t count =
      recv(connection.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {
    connection.at_end = true;
    // A last line without its newline.
    if (!connection.received.empty()) connection.received.push_back('\n');
  } else {
    connection.received.append(buffer.data(), static_cast<size_t>(count));
  }
  TakeLines(id, connection);
  return true;
}

void TrialSocket::TakeLines(Id id, Connection& connection) {
  absl::string_view rest = connection.received;
  for (size_t end = rest.find('\n');
       end != absl::string_view::npos && (!connection.waiting || draining_);
       end = rest.find('\n')) {
    if (!std::exchange(connection.skipping, false)) {
      TakeLine(id, connection, rest.substr(0, end));
    }
    rest.remove_prefix(end + 1);
  }
  connection.received.erase(0, connection.received.size() - rest.size());
  if (connection.skipping) connection.received.clear();
  // While it waits no more than one read is here.
  if (connection.waiting || connection.received.size() <= kMaxLine) return;
  connection.received.clear();
  connection.skipping = true;
  absl::StrAppend(&connection.answers,
                  ErrorLine("the line is above 1 MiB and was left out"));
}

void TrialSocket::TakeLine(Id id, Connection& connection,
                           absl::string_view line) {
  if (line.find_first_not_of(" \t\r") == absl::string_view::npos) return;
  absl::StatusOr<TrialMessage> message = ParseTrialMessage(line);
  if (!message.ok()) return AnswerLine(connection, message.status());
  const auto* notice = std::get_if<CheckpointNotice>(&*message);
  if (notice != nullptr) return TakeNotice(id, connection, *notice);
  AnswerLine(connection, take_(*std::move(message)));
}

void TrialSocket::TakeNotice(Id id, Connection& connection,
                             CheckpointNotice notice) {
  if (!take_checkpoint_) {
    return AnswerLine(
        connection, absl::UnimplementedError("checkpoints are not kept here"));
  }
  connection.waiting = true;
  take_checkpoint_(notice, [this, id, alive = std::weak_ptr<bool>(alive_)](
                               const absl::Status& status) {
    if (!alive.expired()) AnswerLater(id, status);
  });
}

void TrialSocket::AnswerLater(Id id, const absl::Status& status) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.waiting) return;
  Connection& connection = found->second;
  connection.waiting = false;
  AnswerLine(connection, status);
  TakeLines(id, connection);
  CloseOrRewatch(id, connection);
}

void TrialSocket::AnswerLine(Connection& connection,
                             const absl::Status& status) {
  const bool full = connection.answers.size() > kMaxAnswers;
  if (!status.ok()) {
    if (full) return;  // Nobody reads them.
    absl::StrAppend(&connection.answers, ErrorLine(status.message()));
    return;
  }
  ++connection.accepted;
  if (full) {
    connection.last_ack = AckLine(connection.accepted);
  } else {
    absl::StrAppend(&connection.answers, AckLine(connection.accepted));
  }
}

void TrialSocket::Send(Connection& connection) {
  while (!connection.answers.empty()) {
    const ssize_t count =
        send(connection.socket.get(), connection.answers.data(),
             connection.answers.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {  // It no longer reads; what it sent still counts.
      connection.answers.clear();
      connection.last_ack.clear();
      return;
    }
    connection.answers.erase(0, static_cast<size_t>(count));
    if (connection.answers.empty())
      connection.answers.swap(connection.last_ack);
  }
}

void TrialSocket::Rewatch(Id id, Connection& connection) {
  const uint32_t events =
      EPOLLIN | (connection.answers.empty() ? 0U : uint32_t{EPOLLOUT});
  if (paused_ || connection.waiting) {
    // Not EPOLLIN alone: a hang-up would be told again and again.
    loop_.Unwatch(std::exchange(connection.watch, 0));
  } else if (connection.watch != 0) {
    loop_.ChangeEvents(connection.watch, events);
  } else {
    connection.watch =
        loop_.Watch(connection.socket.get(), events,
                    [this, id](uint32_t ready) { OnReady(id, ready); });
  }
}

void TrialSocket::Close(Id id) {
  loop_.Unwatch(connections_.at(id).watch);
  connections_.erase(id);
  WatchListener();
}

}  // namespace assay
