#include "server/http/http_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <sstream>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "boost/asio/dispatch.hpp"
#include "boost/asio/write.hpp"
#include "boost/beast/http/empty_body.hpp"
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

std::map<std::string, std::string> Headers(const http::fields& fields) {
  std::map<std::string, std::string> headers;
  for (const auto& field : fields) {
    std::string& value =
        headers[absl::AsciiStrToLower(ToString(field.name_string()))];
    absl::StrAppend(&value, value.empty() ? "" : ", ", ToString(field.value()));
  }
  return headers;
}

std::string Peer(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  if (error) return "";
  std::ostringstream text;
  text << (endpoint.address().is_v4() ? "ipv4:" : "ipv6:") << endpoint;
  return std::move(text).str();
}

// Of Beast's parser, as opposed to the socket's errors.
bool IsMalformed(const boost::system::error_code& error) {
  return error.category() ==
             http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream &&
         error != http::error::partial_message;
}

}  // namespace

// Takes calls to the I/O thread. Holds neither the connection, which others
// close, nor the context, whose pending operations may hold this.
class HttpConnection::Sink final : public HttpSink {
 public:
  explicit Sink(HttpConnection& connection)
      : context_(connection.context_),
        connection_(connection.weak_from_this()) {}

  void Send(HttpResponse response) override {
    Post([response = std::move(response)](HttpConnection& self) mutable {
      self.Respond(std::move(response));
    });
  }
  void Begin(HttpResponse head, Written written) override {
    Post([head = std::move(head),
          written = std::move(written)](HttpConnection& self) mutable {
      self.Begin(std::move(head), std::move(written));
    });
  }
  void Write(std::string piece, Written written) override {
    Post([piece = std::move(piece),
          written = std::move(written)](HttpConnection& self) mutable {
      self.WritePiece(piece, std::move(written));
    });
  }
  void End(std::string last_piece) override {
    Post([last = std::move(last_piece)](HttpConnection& self) {
      self.End(last);
    });
  }
  void Abort() override {
    Post([](HttpConnection& self) { self.Close(); });
  }
  void SetOnCancel(OnCancel on_cancel) override {
    Post([on_cancel = std::move(on_cancel)](HttpConnection& self) mutable {
      self.SetOnCancel(std::move(on_cancel));
    });
  }

 private:
  template <typename Act>
  void Post(Act act) {
    const std::shared_ptr<asio::io_context> context = context_.lock();
    if (context == nullptr) return;
    asio::dispatch(*context,
                   [weak = connection_, act = std::move(act)]() mutable {
                     if (const auto self = weak.lock()) act(*self);
                   });
  }

  const std::weak_ptr<asio::io_context> context_;
  const std::weak_ptr<HttpConnection> connection_;
};

HttpConnection::HttpConnection(std::shared_ptr<asio::io_context> context,
                               tcp::socket socket, const HttpOptions& options,
                               const HttpRouter& router,
                               size_t& bytes_in_flight, bool reserved,
                               OnClose on_close)
    : context_(std::move(context)),
      options_(options),
      router_(router),
      bytes_in_flight_(bytes_in_flight),
      reserved_(reserved),
      on_close_(std::move(on_close)),
      socket_(std::move(socket)),
      timer_(*context_) {}

void HttpConnection::Start() { WaitForRequest(); }

void HttpConnection::Finish() {
  finishing_ = true;
  if (waiting_) return Close();
  if (in_pieces_) Cancel(absl::UnavailableError("the server is shutting down"));
}

void HttpConnection::Close() {
  if (std::exchange(closed_, true)) return;
  ClearDeadline();
  CountBytes(0);
  boost::system::error_code ignored;
  socket_.close(ignored);
  Cancel(absl::CancelledError("the client left"));
  on_close_(this);
}

// --- Reading ----------------------------------------------------------------

void HttpConnection::WaitForRequest() {
  if (finishing_) return Close();
  route_ = nullptr;
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(options_.max_head_bytes));
  // RefuseBody() knows how to say it. (Boost 1.74 takes none for zero.)
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
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
  if (auto refusal = RefuseBody()) return Refuse(*std::move(refusal));
  const auto expect = parser_->get()[http::field::expect];
  if (parser_->is_done() || expect.empty()) return ReadBody();
  if (boost::beast::iequals(expect, "100-continue")) return WriteContinue();
  Refuse(Refusal(417, "Expect may only be 100-continue"));
}

std::optional<HttpResponse> HttpConnection::RefuseBody() {
  if (parser_->is_done()) return std::nullopt;
  // One that does not say how long it is may become as long as any.
  const size_t expected =
      parser_->content_length().value_or(options_.max_body_bytes);
  if (expected > options_.max_body_bytes) return Refusal(413, TooLarge());
  if (bytes_in_flight_ + expected > options_.max_bytes_in_flight) {
    HttpResponse busy = Refusal(503, "Too many bytes of requests in flight");
    busy.headers = {{"Retry-After", "1"}};
    return busy;
  }
  CountBytes(expected);
  parser_->body_limit(options_.max_body_bytes);
  return std::nullopt;
}

HttpResponse HttpConnection::Refusal(int status, std::string line) const {
  return route_ == nullptr ? TextResponse(status, std::move(line))
                           : route_->refusal(status, std::move(line));
}

std::string HttpConnection::TooLarge() const {
  return absl::StrCat("The body of the request is larger than ",
                      options_.max_body_bytes, " bytes");
}

void HttpConnection::CountBytes(size_t bytes) {
  bytes_in_flight_ += bytes - std::exchange(bytes_, bytes);
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
  if (timed_out_) return Refuse(Refusal(408, "The request was too slow"));
  if (error == http::error::header_limit) {
    return Refuse(Refusal(431, "The head of the request is too large"));
  }
  if (error == http::error::body_limit) {
    return Refuse(Refusal(413, TooLarge()));
  }
  if (IsMalformed(error)) return Refuse(Refusal(400, error.message()));
  Close();
}

// --- Answering --------------------------------------------------------------

void HttpConnection::Handle() {
  ClearDeadline();
  answering_ = true;
  ++requests_;
  HttpRequest request = TakeRequest();
  CountBytes(request.body.size());
  route_->handler(std::move(request), HttpReply(std::make_unique<Sink>(*this)));
  if (answering_) WatchClient();
}

HttpRequest HttpConnection::TakeRequest() {
  auto& message = parser_->get();
  HttpRequest request;
  request.method = route_->method;
  request.path = route_->path;
  request.query = QueryOf(ToString(message.target()));
  request.headers = Headers(message);
  request.peer = Peer(socket_);
  request.body = std::move(message.body());
  return request;
}

// A client that pipelines is seen to have left only when it is written to.
void HttpConnection::WatchClient() {
  socket_.async_wait(
      tcp::socket::wait_read,
      [weak = weak_from_this(), request = requests_](Error error) {
        const auto self = weak.lock();
        if (self && !error) self->OnClientStirs(request);
      });
}

void HttpConnection::OnClientStirs(uint64_t request) {
  if (closed_ || !answering_ || request != requests_) return;
  char byte;
  const ssize_t bytes =
      recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (bytes > 0) return;
  if (bytes < 0) {
    return errno == EAGAIN || errno == EINTR ? WatchClient() : Close();
  }
  // It sends no more, and may still read.
  last_ = true;
  Cancel(absl::CancelledError("the client left"));
}

void HttpConnection::SetOnCancel(HttpSink::OnCancel on_cancel) {
  on_cancel_ = std::move(on_cancel);
}

void HttpConnection::Cancel(absl::Status why) {
  if (on_cancel_) std::exchange(on_cancel_, nullptr)(std::move(why));
}

void HttpConnection::Refuse(HttpResponse response) {
  last_ = last_ || !parser_->is_done();
  Respond(std::move(response));
}

template <typename Message>
void HttpConnection::SetHead(Message& message, const HttpResponse& response) {
  const auto& request = parser_->get();
  last_ = last_ || finishing_ || reserved_ || !request.keep_alive();
  message.version(parser_->is_header_done() ? request.version() : 11);
  message.result(static_cast<unsigned>(response.status));
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message.set(name, value);
}

void HttpConnection::Respond(HttpResponse response) {
  if (closed_) return;
  answering_ = false;
  on_cancel_ = nullptr;
  auto& message = response_.emplace();
  SetHead(message, response);
  message.keep_alive(!last_);
  if (response.status != 304) message.content_length(response.body.size());
  if (parser_->get().method() != http::verb::head) {
    message.body() = std::move(response.body);
  }
  SetDeadline(options_.response_timeout, Then::kClose);
  http::async_write(socket_, message,
                    [self = shared_from_this()](Error error, size_t) {
                      self->response_.reset();
                      error ? self->Close() : self->OnAnswered();
                    });
}

// --- Answering in pieces ----------------------------------------------------

void HttpConnection::Begin(HttpResponse head, HttpSink::Written written) {
  if (closed_) return;
  in_pieces_ = true;
  http::response<http::empty_body> message;
  SetHead(message, head);
  chunked_ = message.version() == 11;
  last_ = last_ || !chunked_;
  message.keep_alive(!last_);
  message.chunked(chunked_);
  std::ostringstream text;
  text << message.base();
  WriteBytes(std::move(text).str(), std::move(written));
  if (finishing_) Finish();
}

void HttpConnection::WritePiece(const std::string& piece,
                                HttpSink::Written written) {
  WriteBytes(Chunk(piece), std::move(written));
}

void HttpConnection::End(const std::string& last_piece) {
  WriteBytes(absl::StrCat(Chunk(last_piece), chunked_ ? "0\r\n\r\n" : ""),
             [self = shared_from_this()] { self->OnAnswered(); });
}

// An empty one would end the response.
std::string HttpConnection::Chunk(const std::string& piece) const {
  if (!chunked_ || piece.empty()) return piece;
  return absl::StrCat(absl::Hex(piece.size()), "\r\n", piece, "\r\n");
}

void HttpConnection::WriteBytes(std::string bytes, HttpSink::Written written) {
  if (closed_) return;
  outgoing_ = std::move(bytes);
  SetDeadline(options_.response_timeout, Then::kClose);
  asio::async_write(socket_, asio::buffer(outgoing_),
                    [self = shared_from_this(), written = std::move(written)](
                        Error error, size_t) mutable {
                      if (error) return self->Close();
                      self->ClearDeadline();
                      self->outgoing_.clear();
                      written();
                    });
}

// --- Once it is answered ----------------------------------------------------

void HttpConnection::OnAnswered() {
  if (closed_) return;
  answering_ = false;
  in_pieces_ = false;
  on_cancel_ = nullptr;
  CountBytes(0);
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
