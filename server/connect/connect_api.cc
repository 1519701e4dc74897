#include "server/connect/connect_api.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "server/connect/connect_answer.h"
#include "server/connect/connect_call.h"
#include "server/connect/connect_error.h"
#include "server/connect/envelope.h"

namespace assay {
namespace {

using google::protobuf::MethodDescriptor;

constexpr size_t kMaxTimeoutDigits = 10;

bool IsStream(const MethodDescriptor& method) {
  return method.server_streaming() || method.client_streaming();
}

std::vector<std::string> ContentTypes(const MethodDescriptor& method) {
  if (IsStream(method)) {
    return {"application/connect+json", "application/connect+proto"};
  }
  return {"application/json", "application/proto"};
}

std::string About(const MethodDescriptor& method) {
  return absl::StrCat("takes ", method.input_type()->full_name(), ", answers ",
                      method.server_streaming() ? "a stream of " : "",
                      method.output_type()->full_name());
}

MessageFormat FormatOf(const HttpRequest& request) {
  const std::string type = MediaTypeOf(request.Header("content-type"));
  return absl::EndsWith(type, "json") ? MessageFormat::kJson
                                      : MessageFormat::kBinary;
}

// --- What headers say -------------------------------------------------------

absl::Status CheckVersion(const HttpRequest& request) {
  const std::string version = request.Header("connect-protocol-version");
  if (version.empty() || version == "1") return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Connect-Protocol-Version: \"", absl::CHexEscape(version), "\"; only 1"));
}

absl::Status CheckNotCompressed(const HttpRequest& request) {
  for (const char* name : {"content-encoding", "connect-content-encoding"}) {
    const std::string encoding = request.Header(name);
    if (encoding.empty() || encoding == "identity") continue;
    return absl::UnimplementedError(
        absl::StrCat(name, ": \"", absl::CHexEscape(encoding),
                     "\"; only identity, messages that are not compressed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::chrono::system_clock::time_point>>
ReadDeadline(const HttpRequest& request) {
  const std::string text = request.Header("connect-timeout-ms");
  if (text.empty()) return std::nullopt;
  int64_t milliseconds = 0;
  const bool is_number =
      text.size() <= kMaxTimeoutDigits &&
      std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
      absl::SimpleAtoi(text, &milliseconds);
  if (!is_number) {
    return absl::InvalidArgumentError(
        absl::StrCat("Connect-Timeout-Ms: \"", absl::CHexEscape(text),
                     "\"; a whole number of up to ten digits"));
  }
  return std::chrono::system_clock::now() +
         std::chrono::milliseconds(milliseconds);
}

absl::StatusOr<ConnectRequest> ReadRequest(const MethodDescriptor& method,
                                           HttpRequest http) {
  if (method.client_streaming()) {
    return absl::UnimplementedError(absl::StrCat(
        method.full_name(),
        " takes a stream of messages: it is there over gRPC only"));
  }
  ASSAY_RETURN_IF_ERROR(CheckVersion(http));
  ASSAY_RETURN_IF_ERROR(CheckNotCompressed(http));
  ConnectRequest request;
  request.method = &method;
  request.format = FormatOf(http);
  request.peer = std::move(http.peer);
  request.authorization = http.Header("authorization");
  ASSAY_ASSIGN_OR_RETURN(request.deadline, ReadDeadline(http));
  if (!IsStream(method)) {
    request.message = std::move(http.body);
  } else {
    ASSAY_ASSIGN_OR_RETURN(request.message, OnlyMessage(http.body));
  }
  return request;
}

std::unique_ptr<ConnectAnswer> AnswerOf(const MethodDescriptor& method,
                                        MessageFormat format, HttpReply reply) {
  return IsStream(method) ? StreamAnswer(std::move(reply), format)
                          : UnaryAnswer(std::move(reply), format);
}

}  // namespace

ConnectApi::ConnectApi(const std::shared_ptr<grpc::Channel>& channel,
                       Executor& pool)
    : stub_(channel), pool_(pool) {}

ConnectApi::~ConnectApi() { Stop(); }

std::vector<HttpRoute> ConnectApi::Routes(
    const std::vector<std::string>& services) {
  std::vector<HttpRoute> routes;
  for (const std::string& name : services) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
            name);
    assert(service != nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      routes.push_back(Route(*service->method(i)));
    }
  }
  return routes;
}

HttpRoute ConnectApi::Route(const MethodDescriptor& method) {
  HttpRoute route;
  route.method = "POST";
  route.path =
      absl::StrCat("/", method.service()->full_name(), "/", method.name());
  route.about = About(method);
  route.content_types = ContentTypes(method);
  route.refusal = ConnectRefusal;
  route.handler = [this, &method](HttpRequest request, HttpReply reply) {
    Handle(method, std::move(request), std::move(reply));
  };
  return route;
}

void ConnectApi::Handle(const MethodDescriptor& method, HttpRequest http,
                        HttpReply reply) {
  std::unique_ptr<ConnectAnswer> answer =
      AnswerOf(method, FormatOf(http), std::move(reply));
  absl::StatusOr<ConnectRequest> request = ReadRequest(method, std::move(http));
  if (!request.ok()) return answer->End(request.status());
  {
    MutexLock lock(mutex_);
    ++calls_;
  }
  std::make_shared<ConnectCall>(*std::move(request), std::move(answer), codec_,
                                pool_, [this] { OnEnd(); })
      ->Start(stub_);
}

void ConnectApi::OnEnd() {
  MutexLock lock(mutex_);
  if (--calls_ == 0) all_ended_.NotifyAll();
}

void ConnectApi::Stop() {
  MutexLock lock(mutex_);
  while (calls_ > 0) all_ended_.Wait(mutex_);
}

}  // namespace assay
