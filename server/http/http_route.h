#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace assay {

// What a handler sees of a request. HEAD arrives as GET.
struct HttpRequest {
  std::string method;  // "GET", "POST".
  std::string path;    // "/metrics": as sent, without the query.
  std::string query;   // What follows '?'.
  std::string content_type;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // Further ones.
};

// {"No such page\n"} and the like: a line of text.
HttpResponse TextResponse(int status, std::string line);

// Where a handler sends its answer: once, from any thread, now or later, also
// after the client has left or the server is gone. One that is destroyed
// without Send() answers 500.
class HttpReply {
 public:
  using Sender = absl::AnyInvocable<void(HttpResponse)>;

  explicit HttpReply(Sender sender) : sender_(std::move(sender)) {}
  HttpReply(HttpReply&& other) noexcept
      : sender_(std::exchange(other.sender_, nullptr)) {}
  HttpReply& operator=(HttpReply&&) = delete;
  ~HttpReply();

  void Send(HttpResponse response);

 private:
  Sender sender_;  // Empty once it was used or moved.
};

// Runs on the one I/O thread: it either is quick or hands the reply on.
using HttpHandler = absl::AnyInvocable<void(HttpRequest, HttpReply) const>;

// One line of the table of what there is.
struct HttpRoute {
  std::string method;  // "GET" (takes HEAD too) or "POST".
  std::string path;    // Exact: "/metrics".
  std::string about;   // One line for the page at "/".
  HttpHandler handler;
  // Also served on the connections kept in reserve.
  bool vital = false;
};

}  // namespace assay
