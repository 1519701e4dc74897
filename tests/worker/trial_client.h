#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>

#include "worker/descriptor.h"
#include "worker/event_loop.h"

namespace assay {

// What a trial's side of its socket does; turns the loop while it waits.
class TrialClient {
 public:
  TrialClient(EventLoop& loop, const std::string& path)
      : loop_(loop), socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                         sizeof(address)) == 0;
  }

  bool connected() const { return connected_; }

  bool Send(const std::string& text) {
    size_t sent = 0;
    return loop_.RunUntil(
        [&] {
          const ssize_t count = send(socket_.get(), text.data() + sent,
                                     text.size() - sent, MSG_NOSIGNAL);
          if (count > 0) sent += static_cast<size_t>(count);
          return sent == text.size();
        },
        absl::Seconds(60));
  }

  // As much as fits the kernel's buffer.
  size_t SendSome(const std::string& text) {
    const ssize_t count =
        send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return count > 0 ? static_cast<size_t>(count) : 0;
  }

  // The next line; "" at the end of the stream.
  std::string Line() {
    std::string line;
    loop_.RunUntil(
        [&] {
          Receive();
          const size_t end = received_.find('\n');
          if (end == std::string::npos) return closed_;
          line = received_.substr(0, end);
          received_.erase(0, end + 1);
          return true;
        },
        absl::Seconds(60));
    return line;
  }

  void Close() { socket_.Close(); }

 private:
  void Receive() {
    char buffer[4096];
    const ssize_t count =
        recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count == 0) closed_ = true;
    if (count > 0) received_.append(buffer, static_cast<size_t>(count));
  }

  EventLoop& loop_;
  Descriptor socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

}  // namespace assay
