#include "server/http/http_route.h"

namespace assay {

HttpResponse TextResponse(int status, std::string line) {
  line += '\n';
  HttpResponse response;
  response.status = status;
  response.body = std::move(line);
  return response;
}

HttpReply::~HttpReply() {
  if (sender_) Send(TextResponse(500, "The handler gave no answer"));
}

void HttpReply::Send(HttpResponse response) {
  std::exchange(sender_, nullptr)(std::move(response));
}

}  // namespace assay
