#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/beast/core/flat_buffer.hpp"
#include "boost/beast/http/message.hpp"
#include "boost/beast/http/parser.hpp"
#include "boost/beast/http/string_body.hpp"
#include "server/http/http_router.h"
#include "server/http/http_server.h"

namespace assay {

// One connection, from accept to close. Lives on the I/O thread.
//
//   wait for a byte -> read the head -> (refuse) -> read the body -> handler
//        ^                                 |                            |
//        `------ keep-alive --- write the response <--------------------'
//                                          |
//                                  linger -> close
//
// Each arrow has a deadline, except the handler's: it answers by itself.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // Called once, when it is closed.
  using OnClose = absl::AnyInvocable<void(HttpConnection*)>;

  // `options` and `router` must outlive this. `reserved`: serves vital routes
  // only, one request.
  HttpConnection(std::shared_ptr<boost::asio::io_context> context,
                 boost::asio::ip::tcp::socket socket,
                 const HttpOptions& options, const HttpRouter& router,
                 bool reserved, OnClose on_close);

  void Start();
  // Closes now if it waits for a request, else after its response.
  void Finish();
  void Close();

 private:
  using Body = boost::beast::http::string_body;
  using Error = boost::system::error_code;

  void WaitForRequest();
  void ReadHead();
  void OnHead(Error error);
  HttpHead Head() const;
  void Accept(const HttpRoute& route);
  void WriteContinue();
  void ReadBody();
  void OnBody(Error error);
  void OnReadError(Error error);
  void Handle();

  // Answers and closes: what is left of the request stays unread.
  void Refuse(HttpResponse response);
  void Respond(HttpResponse response);
  void OnWritten(Error error);
  void Linger();
  void Discard();

  // What happens unless there is progress within `timeout`.
  enum class Then { kClose, kAnswer408 };
  void SetDeadline(absl::Duration timeout, Then then);
  void ClearDeadline();
  void OnDeadline(Then then);

  const std::shared_ptr<boost::asio::io_context> context_;
  const HttpOptions& options_;
  const HttpRouter& router_;
  const bool reserved_;
  OnClose on_close_;

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  uint64_t deadlines_ = 0;  // A timer that fires for an older one is ignored.
  bool timed_out_ = false;  // The read in progress was cancelled for it.

  boost::beast::flat_buffer buffer_;  // Read, not yet parsed.
  std::optional<boost::beast::http::request_parser<Body>> parser_;
  std::optional<boost::beast::http::response<Body>> response_;
  const HttpRoute* route_ = nullptr;  // Who answers the current request.

  bool first_ = true;       // No request was read yet.
  bool waiting_ = false;    // For the first byte of a request.
  bool last_ = false;       // The current request is the last one.
  bool finishing_ = false;  // Finish() was called.
  bool closed_ = false;
  size_t discarded_ = 0;  // Bytes read while lingering.
};

}  // namespace assay
