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
// Each arrow has a deadline, except the handler's: it answers by itself, whole
// or in pieces, and is told when the client leaves.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // Called once, when it is closed.
  using OnClose = absl::AnyInvocable<void(HttpConnection*)>;

  // `options`, `router` and `bytes_in_flight` (of all connections) must outlive
  // this. `reserved`: serves vital routes only, one request.
  HttpConnection(std::shared_ptr<boost::asio::io_context> context,
                 boost::asio::ip::tcp::socket socket,
                 const HttpOptions& options, const HttpRouter& router,
                 size_t& bytes_in_flight, bool reserved, OnClose on_close);

  void Start();
  // Closes now if it waits for a request, else after its response. One that
  // comes in pieces is cancelled: it may have no end.
  void Finish();
  void Close();

 private:
  class Sink;
  using Body = boost::beast::http::string_body;
  using Error = boost::system::error_code;

  void WaitForRequest();
  void ReadHead();
  void OnHead(Error error);
  HttpHead Head() const;
  // Counts the body that was announced, or says why it is not taken.
  std::optional<HttpResponse> RefuseBody();
  HttpResponse Refusal(int status, std::string line) const;
  std::string TooLarge() const;
  void WriteContinue();
  void ReadBody();
  void OnReadError(Error error);
  void Handle();
  HttpRequest TakeRequest();

  // While the handler works: is the client still there?
  void WatchClient();
  void OnClientStirs(uint64_t request);
  void SetOnCancel(HttpSink::OnCancel on_cancel);
  void Cancel(absl::Status why);

  // Answers and closes: what is left of the request stays unread.
  void Refuse(HttpResponse response);
  void Respond(HttpResponse response);
  template <typename Message>
  void SetHead(Message& message, const HttpResponse& response);

  // A response in pieces.
  void Begin(HttpResponse head, HttpSink::Written written);
  void WritePiece(const std::string& piece, HttpSink::Written written);
  void End(const std::string& last_piece);
  std::string Chunk(const std::string& piece) const;
  void WriteBytes(std::string bytes, HttpSink::Written written);

  void OnAnswered();
  void Linger();
  void Discard();

  // What happens unless there is progress within `timeout`.
  enum class Then { kClose, kAnswer408 };
  void SetDeadline(absl::Duration timeout, Then then);
  void ClearDeadline();
  void OnDeadline(Then then);

  // What this request has of the bytes in flight.
  void CountBytes(size_t bytes);

  const std::shared_ptr<boost::asio::io_context> context_;
  const HttpOptions& options_;
  const HttpRouter& router_;
  size_t& bytes_in_flight_;
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

  uint64_t requests_ = 0;   // Handed to a handler.
  bool answering_ = false;  // A handler has not answered the current one.
  size_t bytes_ = 0;        // Its share of the bytes in flight.
  HttpSink::OnCancel on_cancel_;
  bool in_pieces_ = false;  // Its response is.
  bool chunked_ = false;    // Unless the client speaks HTTP/1.0.
  std::string outgoing_;    // The piece that is being written.

  bool first_ = true;       // No request was read yet.
  bool waiting_ = false;    // For the first byte of a request.
  bool last_ = false;       // The current request is the last one.
  bool finishing_ = false;  // Finish() was called.
  bool closed_ = false;
  size_t discarded_ = 0;  // Bytes read while lingering.
};

}  // namespace assay
