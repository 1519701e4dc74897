#include "tests/server/http/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr int kTimeoutMilliseconds = 20'000;

int Connect(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  return socket;
}

int Connect6(uint16_t port) {
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  const int socket = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  return socket;
}

}  // namespace

HttpClient::HttpClient(uint16_t port, bool ipv6)
    : socket_(ipv6 ? Connect6(port) : Connect(port)) {}

HttpClient::~HttpClient() { close(socket_); }

bool HttpClient::Send(const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count =
        send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

bool HttpClient::ReadMore() {
  pollfd ready = {.fd = socket_, .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, kTimeoutMilliseconds) != 1) {
    ADD_FAILURE() << "nothing came in 20 s";
    return false;
  }
  char bytes[65536];
  const ssize_t count = recv(socket_, bytes, sizeof(bytes), 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(count));
  return true;
}

std::string HttpClient::ReadResponse(bool with_body) {
  size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadMore()) return "";
  }
  end += 4;
  const std::string head = buffer_.substr(0, end);
  if (with_body) {
    end += strtoul(HeaderOf(head, "Content-Length").c_str(), nullptr, 10);
  }
  while (buffer_.size() < end) {
    if (!ReadMore()) return "";
  }
  std::string response = buffer_.substr(0, end);
  buffer_.erase(0, end);
  return response;
}

std::string HttpClient::Take(size_t size) {
  while (buffer_.size() < size && ReadMore()) {
  }
  std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string HttpClient::ReadChunk() {
  size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!ReadMore()) return "";
  }
  const size_t size = strtoul(Take(end + 2).c_str(), nullptr, 16);
  std::string chunk = Take(size + 2);
  chunk.resize(std::min(size, chunk.size()));
  return chunk;
}

std::string HttpClient::ReadRest() {
  while (ReadMore()) {
  }
  return Take(buffer_.size());
}

void HttpClient::FinishSending() { shutdown(socket_, SHUT_WR); }

bool HttpClient::ReadEnd() {
  while (buffer_.empty()) {
    if (!ReadMore()) return !::testing::Test::HasFailure();
  }
  return false;
}

std::string Ask(uint16_t port, const std::string& request) {
  HttpClient client(port);
  client.Send(request);
  return client.ReadResponse();
}

std::string Get(const std::string& path) {
  return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

int StatusOf(const std::string& response) {
  return response.size() > 12 ? atoi(response.c_str() + 9) : 0;
}

std::string HeaderOf(const std::string& response, const std::string& name) {
  const std::string head = response.substr(0, response.find("\r\n\r\n"));
  for (absl::string_view line : absl::StrSplit(head, "\r\n")) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (absl::EqualsIgnoreCase(field.first, name)) {
      return std::string(field.second);
    }
  }
  return "";
}

std::string BodyOf(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

uint16_t FreePort() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  close(socket);
  return ntohs(address.sin_port);
}

}  // namespace assay
