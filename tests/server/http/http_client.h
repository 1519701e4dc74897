#pragma once

#include <cstdint>
#include <string>

namespace assay {

// A TCP connection that sends and reads bytes as a test says: what no HTTP
// library would. Each call that waits gives up after 20 s and fails the test.
class HttpClient {
 public:
  // Connects to 127.0.0.1, or with `ipv6` to ::1. If that fails, Send() is
  // false and what is read is empty.
  explicit HttpClient(uint16_t port, bool ipv6 = false);
  ~HttpClient();

  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // False if the other side has closed.
  bool Send(const std::string& bytes);

  // One response: head and, by its Content-Length, body. Empty at the end of
  // the stream. `with_body` is false for the answer to HEAD.
  std::string ReadResponse(bool with_body = true);

  // The next chunk of a body that comes in chunks, after its head was read;
  // empty for the last one, and at the end of the stream.
  std::string ReadChunk();

  // Everything until the other side closes.
  std::string ReadRest();

  // Says that nothing more comes; answers can still be read.
  void FinishSending();

  // True once the other side has closed (also by a reset).
  bool ReadEnd();

 private:
  bool ReadMore();
  // `size` bytes, or what came before the end of the stream.
  std::string Take(size_t size);

  int socket_ = -1;
  std::string buffer_;
};

// The answer to one request on a connection of its own.
std::string Ask(uint16_t port, const std::string& request);

// "GET /path HTTP/1.1" with a Host header and nothing else.
std::string Get(const std::string& path);

// 200 of "HTTP/1.1 200 OK..."; 0 if there is no response.
int StatusOf(const std::string& response);

// The value of a header, "" if it is not there.
std::string HeaderOf(const std::string& response, const std::string& name);

std::string BodyOf(const std::string& response);

// A port of 127.0.0.1 that was free a moment ago.
uint16_t FreePort();

}  // namespace assay
