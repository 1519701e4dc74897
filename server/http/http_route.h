#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay {

// What a handler sees of a request. HEAD arrives as GET.
struct HttpRequest {
  std::string method;  // "GET", "POST".
  std::string path;    // "/metrics": as sent, without the query.
  std::string query;   // What follows '?'.
  // By name in lower case; several of one name are joined by ", ".
  std::map<std::string, std::string> headers;
  std::string peer;  // As gRPC writes it: "ipv4:127.0.0.1:41234".
  std::string body;

  // "" if it is not there. `name` in lower case.
  std::string Header(const std::string& name) const;
};

// "Application/JSON; charset=utf-8" -> "application/json".
std::string MediaTypeOf(absl::string_view content_type);

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // Further ones.
};

// {"No such page\n"} and the like: a line of text.
HttpResponse TextResponse(int status, std::string line);

// What carries an answer: a connection. Each call from any thread, also after
// the client has left or the server is gone.
class HttpSink {
 public:
  // Called on the I/O thread once the client has taken what was written;
  // destroyed without a call if it never will.
  using Written = absl::AnyInvocable<void()>;
  // Called on the I/O thread, at most once, with why nobody waits for the
  // answer any more: Cancelled (the client left) or Unavailable (the server
  // stops).
  using OnCancel = absl::AnyInvocable<void(absl::Status)>;

  virtual ~HttpSink() = default;
  virtual void Send(HttpResponse response) = 0;
  virtual void Begin(HttpResponse head, Written written) = 0;
  virtual void Write(std::string piece, Written written) = 0;
  virtual void End(std::string last_piece) = 0;
  virtual void Abort() = 0;
  virtual void SetOnCancel(OnCancel on_cancel) = 0;
};

// Where a handler sends its answer: from any thread, now or later, also after
// the client has left or the server is gone. Whole, by Send(); or in pieces:
// Begin(), any number of Write(), End(), each after the one before was written.
class HttpReply {
 public:
  explicit HttpReply(std::unique_ptr<HttpSink> sink) : sink_(std::move(sink)) {}
  HttpReply(HttpReply&&) = default;
  HttpReply& operator=(HttpReply&&) = delete;
  // Without an answer: 500. Without an end of it: the connection is closed, so
  // that nobody takes a part for the whole.
  ~HttpReply();

  void Send(HttpResponse response);

  // `head`: its body stays empty.
  void Begin(HttpResponse head, HttpSink::Written written);
  void Write(std::string piece, HttpSink::Written written);
  void End(std::string last_piece);

  // Told unless the answer is complete before. REQUIRES: called by the handler,
  // before it returns.
  void SetOnCancel(HttpSink::OnCancel on_cancel);

 private:
  std::unique_ptr<HttpSink> sink_;  // Empty once complete, or moved.
  bool begun_ = false;
};

// Runs on the one I/O thread: it either is quick or hands the reply on.
using HttpHandler = absl::AnyInvocable<void(HttpRequest, HttpReply) const>;

// One line of the table of what there is.
struct HttpRoute {
  std::string method;  // "GET" (takes HEAD too) or "POST".
  std::string path;    // Exact: "/metrics".
  std::string about;   // One line for the page at "/"; empty: not on it.
  HttpHandler handler;
  // Also served on the connections kept in reserve.
  bool vital = false;
  // What a POST may bring.
  std::vector<std::string> content_types = {"application/json"};
  // How the server words what it refuses itself (413, 415 and the like).
  std::function<HttpResponse(int status, std::string line)> refusal =
      TextResponse;
};

}  // namespace assay
