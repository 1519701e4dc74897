#include "server/http/http_connection.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "boost/asio/dispatch.hpp"
#include "boost/asio/write.hpp"
#include "boost/beast/http/error.hpp"
#include "boost/beast/http/read.hpp"
#include "boost/beast/http/write.hpp"

namespace assay {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr size_t kMaxDiscarded = 1 << 20;
constexpr absl::Duration kLinger = absl::Seconds(2);

std::string ToString(boost::beast::string_view text) {
  return std::string(text.data(), text.size());
}

std::vector<std::string> All(const http::fields& fields, http::field name) {
  std::vector<std::string> values;
  const auto range = fields.equal_range(name);
  for (auto field = range.first; field != range.second; ++field) {
    values.push_back(ToString(field->value()));
  }
  return values;
}

std::string LocalAddress(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint endpoint = socket.local_endpoint(error);
  if (error) return "";
  const asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6())
        .to_string();
  }
  return address.to_string();
}

// Of Beast's parser, as opposed to the socket's errors.
bool IsMalformed(const boost::system::error_code& error) {
  return error.category() ==
             http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream &&
         error != http::error::partial_message;
}

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<asio::io_context> context,
                               tcp::socket socket, const HttpOptions& options,
                               const HttpRouter& router, bool reserved,
                               OnClose on_close)
    : context_(std::move(context)),
      options_(options),
      router_(router),
      reserved_(reserved),
      on_close_(std::move(on_close)),
      socket_(std::move(socket)),
      timer_(*context_) {}

void HttpConnection::Start() { WaitForRequest(); }

void HttpConnection::Finish() {
  finishing_ = true;
  if (waiting_) Close();
}

void HttpConnection::Close() {
  if (std::exchange(closed_, true)) return;
  ClearDeadline();
  boost::system::error_code ignored;
  socket_.close(ignored);
  on_close_(this);
}

// --- Reading ----------------------------------------------------------------

void HttpConnection::WaitForRequest() {
  if (finishing_) return Close();
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(options_.max_head_bytes));
  parser_->body_limit(options_.max_body_bytes);
  if (buffer_.size() > 0) return ReadHead();  // The client pipelines.
  waiting_ = true;
  SetDeadline(first_ ? options_.request_timeout : options_.idle_timeout,
              Then::kClose);
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](Error error) {
                       self->waiting_ = false;
                       error ? self->Close() : self->ReadHead();
                     });
}

void HttpConnection::ReadHead() {
  first_ = false;
  SetDeadline(options_.request_timeout, Then::kAnswer408);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](Error error, size_t) {
                            self->OnHead(error);
                          });
}

void HttpConnection::OnHead(Error error) {
  if (error) return OnReadError(error);
  auto found = router_.Find(Head());
  if (auto* refusal = std::get_if<HttpResponse>(&found)) {
    return Refuse(std::move(*refusal));
  }
  route_ = std::get<const HttpRoute*>(found);
  const auto expect = parser_->get()[http::field::expect];
  if (parser_->is_done() || expect.empty()) return ReadBody();
  if (boost::beast::iequals(expect, "100-continue")) return WriteContinue();
  Refuse(TextResponse(417, "Expect may only be 100-continue"));
}

HttpHead HttpConnection::Head() const {
  const auto& request = parser_->get();
  HttpHead head;
  head.method = ToString(request.method_string());
  head.target = ToString(request.target());
  head.hosts = All(request, http::field::host);
  head.origins = All(request, http::field::origin);
  head.content_type = ToString(request[http::field::content_type]);
  head.local_address = LocalAddress(socket_);
  head.reserved = reserved_;
  return head;
}

void HttpConnection::WriteContinue() {
  SetDeadline(options_.response_timeout, Then::kClose);
  asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](Error error, size_t) {
                      error ? self->Close() : self->ReadBody();
                    });
}

void HttpConnection::ReadBody() {
  if (parser_->is_done()) return Handle();
  SetDeadline(options_.request_timeout, Then::kAnswer408);
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](Error error, size_t) {
                     error ? self->OnReadError(error) : self->Handle();
                   });
}

void HttpConnection::OnReadError(Error error) {
  if (closed_) return;
  if (timed_out_) return Refuse(TextResponse(408, "The request was too slow"));
  if (error == http::error::header_limit) {
    return Refuse(TextResponse(431, "The head of the request is too large"));
  }
  if (error == http::error::body_limit) {
    return Refuse(TextResponse(413, "The body of the request is too large"));
  }
  if (IsMalformed(error)) return Refuse(TextResponse(400, error.message()));
  Close();
}

// --- Answering --------------------------------------------------------------

// A reply may come when this connection, or the whole server, is gone.
void HttpConnection::Handle() {
  ClearDeadline();
  auto& message = parser_->get();
  HttpRequest request;
  request.method = route_->method;
  request.path = route_->path;
  request.query = QueryOf(ToString(message.target()));
  request.content_type = ToString(message[http::field::content_type]);
  request.body = std::move(message.body());
  route_->handler(
      std::move(request),
      HttpReply(
          [context = context_, weak = weak_from_this()](HttpResponse response) {
            asio::dispatch(*context,
                           [weak, response = std::move(response)]() mutable {
                             if (const auto self = weak.lock())
                               self->Respond(std::move(response));
                           });
          }));
}

void HttpConnection::Refuse(HttpResponse response) {
  last_ = last_ || !parser_->is_done();
  Respond(std::move(response));
}

void HttpConnection::Respond(HttpResponse response) {
  if (closed_) return;
  const auto& request = parser_->get();
  last_ = last_ || finishing_ || reserved_ || !request.keep_alive();
  auto& message = response_.emplace();
  message.version(parser_->is_header_done() ? request.version() : 11);
  message.result(static_cast<unsigned>(response.status));
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(!last_);
  message.content_length(response.body.size());
  if (request.method() != http::verb::head) {
    message.body() = std::move(response.body);
  }
  SetDeadline(options_.response_timeout, Then::kClose);
  http::async_write(socket_, message,
                    [self = shared_from_this()](Error error, size_t) {
                      self->OnWritten(error);
                    });
}

void HttpConnection::OnWritten(Error error) {
  response_.reset();
  if (error) return Close();
  if (last_ || finishing_) return Linger();
  WaitForRequest();
}

// Closing with unread bytes would send a reset, which may overtake the
// response: read them for a moment.
void HttpConnection::Linger() {
  Error error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  if (error) return Close();
  SetDeadline(std::min(kLinger, options_.request_timeout), Then::kClose);
  buffer_.clear();
  Discard();
}

void HttpConnection::Discard() {
  constexpr size_t kPiece = 16 << 10;
  socket_.async_read_some(
      buffer_.prepare(kPiece),
      [self = shared_from_this()](Error error, size_t bytes) {
        self->discarded_ += bytes;
        if (error || self->discarded_ > kMaxDiscarded) return self->Close();
        self->Discard();
      });
}

// --- Deadlines --------------------------------------------------------------

void HttpConnection::SetDeadline(absl::Duration timeout, Then then) {
  timed_out_ = false;
  timer_.expires_after(absl::ToChronoNanoseconds(timeout));
  timer_.async_wait(
      [self = shared_from_this(), then, set = ++deadlines_](Error error) {
        if (!error && set == self->deadlines_) self->OnDeadline(then);
      });
}

void HttpConnection::ClearDeadline() {
  ++deadlines_;
  timer_.cancel();
}

void HttpConnection::OnDeadline(Then then) {
  if (then == Then::kClose) return Close();
  // A read that just had a piece goes on in spite of cancel(): then close.
  SetDeadline(kLinger, Then::kClose);
  timed_out_ = true;
  Error ignored;
  socket_.cancel(ignored);
}

}  // namespace assay
