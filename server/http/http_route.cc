#include "server/http/http_route.h"

#include "absl/strings/ascii.h"

namespace assay {

std::string HttpRequest::Header(const std::string& name) const {
  const auto header = headers.find(name);
  return header == headers.end() ? "" : header->second;
}

std::string MediaTypeOf(absl::string_view content_type) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(
      content_type.substr(0, content_type.find(';'))));
}

HttpResponse TextResponse(int status, std::string line) {
  line += '\n';
  HttpResponse response;
  response.status = status;
  response.body = std::move(line);
  return response;
}

HttpReply::~HttpReply() {
  if (sink_ == nullptr) return;
  if (begun_) {
    sink_->Abort();
  } else {
    Send(TextResponse(500, "The handler gave no answer"));
  }
}

void HttpReply::Send(HttpResponse response) {
  std::exchange(sink_, nullptr)->Send(std::move(response));
}

void HttpReply::Begin(HttpResponse head, HttpSink::Written written) {
  begun_ = true;
  sink_->Begin(std::move(head), std::move(written));
}

void HttpReply::Write(std::string piece, HttpSink::Written written) {
  sink_->Write(std::move(piece), std::move(written));
}

void HttpReply::End(std::string last_piece) {
  std::exchange(sink_, nullptr)->End(std::move(last_piece));
}

void HttpReply::SetOnCancel(HttpSink::OnCancel on_cancel) {
  sink_->SetOnCancel(std::move(on_cancel));
}

}  // namespace assay
