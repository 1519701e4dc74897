#include "server/http/http_server.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/ip/v6_only.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "search/base/status_macros.h"
#include "server/http/allowed_hosts.h"
#include "server/http/http_connection.h"
#include "server/http/http_router.h"

namespace assay {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct HostAndPort {
  std::string host;  // Without brackets.
  std::string port;
};

absl::StatusOr<HostAndPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "HTTP address \"", address, "\": HOST:PORT, such as 127.0.0.1:7071"));
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return HostAndPort{std::string(host), absl::StrCat(port)};
}

absl::Status CannotListen(const std::string& address, const error_code& error) {
  return absl::UnavailableError(absl::StrCat("cannot listen on HTTP address \"",
                                             address, "\": ", error.message()));
}

absl::StatusOr<tcp::endpoint> Resolve(const std::string& address,
                                      asio::io_context& context) {
  ASSAY_ASSIGN_OR_RETURN(const HostAndPort parts, Split(address));
  error_code error;
  const auto found = tcp::resolver(context).resolve(
      parts.host, parts.port, tcp::resolver::passive, error);
  if (error) return CannotListen(address, error);
  return found.begin()->endpoint();
}

absl::Status Listen(const tcp::endpoint& endpoint, const std::string& address,
                    tcp::acceptor& acceptor) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error ? CannotListen(address, error) : absl::OkStatus();
}

// A stream may have nothing to send for hours: a machine that vanished is
// noticed within a minute.
void NoticeSilentDeath(tcp::socket& socket) {
  using asio::detail::socket_option::integer;
  error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(integer<IPPROTO_TCP, TCP_KEEPIDLE>(30), ignored);
  socket.set_option(integer<IPPROTO_TCP, TCP_KEEPINTVL>(10), ignored);
  socket.set_option(integer<IPPROTO_TCP, TCP_KEEPCNT>(3), ignored);
}

std::vector<std::string> NamesOf(const HttpOptions& options) {
  std::vector<std::string> names = options.names;
  const std::string host = HostWithoutPort(options.address);
  const bool every_address = host == "0.0.0.0" || host == "[::]";
  if (!every_address) names.push_back(host);
  return names;
}

}  // namespace

// Lives on the I/O thread from Run() to the end of Stop().
class HttpServer::Listener {
 public:
  Listener(HttpOptions options, std::vector<HttpRoute> routes)
      : options_(std::move(options)),
        router_(std::move(routes), NamesOf(options_)) {}

  absl::Status Open() {
    ASSAY_ASSIGN_OR_RETURN(const tcp::endpoint endpoint,
                           Resolve(options_.address, *context_));
    ASSAY_RETURN_IF_ERROR(Listen(endpoint, options_.address, acceptor_));
    error_code error;
    port_ = acceptor_.local_endpoint(error).port();
    return error ? CannotListen(options_.address, error) : absl::OkStatus();
  }

  void Run() {
    Accept();
    thread_ = std::thread([this] { context_->run(); });
  }

  void Stop(absl::Duration grace) {
    if (!thread_.joinable()) return;
    asio::post(*context_, [this, grace] { Finish(grace); });
    thread_.join();
  }

  uint16_t port() const { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return AcceptLater();
      Admit(std::move(socket));
      Accept();
    });
  }

  // Out of descriptors, most likely: trying at once would spin.
  void AcceptLater() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](error_code) {
      if (acceptor_.is_open()) Accept();
    });
  }

  void Admit(tcp::socket socket) {
    const int open = static_cast<int>(connections_.size());
    if (open >= options_.max_connections) return;  // Closes the socket.
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    NoticeSilentDeath(socket);
    const bool reserved =
        open >= options_.max_connections - options_.reserved_connections;
    auto connection = std::make_shared<HttpConnection>(
        context_, std::move(socket), options_, router_, bytes_in_flight_,
        reserved, [this](HttpConnection* closed) { OnClosed(closed); });
    connections_.emplace(connection.get(), connection);
    connection->Start();
  }

  void OnClosed(HttpConnection* connection) {
    connections_.erase(connection);
    if (finishing_ && connections_.empty()) deadline_.cancel();
  }

  void Finish(absl::Duration grace) {
    finishing_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    for (const auto& connection : Connections()) connection->Finish();
    if (connections_.empty()) return;
    deadline_.expires_after(
        absl::ToChronoNanoseconds(std::min(grace, absl::Hours(24))));
    deadline_.async_wait([this](error_code) {
      for (const auto& connection : Connections()) connection->Close();
    });
  }

  // A copy: closing one changes the map.
  std::vector<std::shared_ptr<HttpConnection>> Connections() const {
    std::vector<std::shared_ptr<HttpConnection>> all;
    for (const auto& [key, connection] : connections_) {
      all.push_back(connection);
    }
    return all;
  }

  const HttpOptions options_;
  const HttpRouter router_;
  uint16_t port_ = 0;

  // Shared with replies, which may come when this is gone. Operations in it
  // hold connections, and these the context: never stop() it, which would leave
  // that cycle. It ends by itself, when nothing is left to wait for.
  const std::shared_ptr<asio::io_context> context_ =
      std::make_shared<asio::io_context>(1);
  tcp::acceptor acceptor_{*context_};
  asio::steady_timer retry_{*context_};
  asio::steady_timer deadline_{*context_};
  absl::flat_hash_map<HttpConnection*, std::shared_ptr<HttpConnection>>
      connections_;
  size_t bytes_in_flight_ = 0;
  bool finishing_ = false;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    HttpOptions options, std::vector<HttpRoute> routes) {
  auto listener =
      std::make_unique<Listener>(std::move(options), std::move(routes));
  ASSAY_RETURN_IF_ERROR(listener->Open());
  listener->Run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(listener)));
}

HttpServer::HttpServer(std::unique_ptr<Listener> listener)
    : listener_(std::move(listener)) {}

HttpServer::~HttpServer() { Stop(absl::ZeroDuration()); }

uint16_t HttpServer::port() const { return listener_->port(); }

void HttpServer::Stop(absl::Duration grace) { listener_->Stop(grace); }

}  // namespace assay
