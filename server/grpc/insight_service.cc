#include "server/grpc/insight_service.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "proto/convert_insight.h"
#include "proto/convert_stopping.h"
#include "server/grpc/unary.h"

namespace assay {
namespace {

// Set once the client leaves or its deadline is over.
template <class Response>
Insight::Cancelled CancelledOf(const Reply<Response>& reply) {
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  reply.OnCancel([cancelled] { *cancelled = true; });
  return cancelled;
}

v1::PredictResponse ToMessage(const Insight::PredictAnswer& answer) {
  v1::PredictResponse message;
  for (const auto& configuration : answer.configurations) {
    v1::Prediction& prediction = *message.add_predictions();
    for (const auto& [name, said] : configuration.metrics) {
      (*prediction.mutable_metrics())[name] = assay::ToMessage(said);
    }
    if (configuration.keeps_bounds) {
      prediction.set_keeps_bounds(*configuration.keeps_bounds);
    }
  }
  message.mutable_missing()->insert(answer.missing.begin(),
                                    answer.missing.end());
  message.mutable_r_squared()->insert(answer.r_squared.begin(),
                                      answer.r_squared.end());
  return message;
}

}  // namespace

grpc::ServerUnaryReactor* InsightService::Importance(
    grpc::CallbackServerContext* call, const v1::ImportanceRequest* request,
    v1::ImportanceResponse* response) {
  return Handle(
      context_, call, "InsightService/Importance", response,
      [&](Reply<v1::ImportanceResponse> reply) {
        insight_.AskImportance(
            request->study(), request->metric(), CancelledOf(reply),
            [reply](absl::StatusOr<Insight::ImportanceAnswer> answer) {
              if (!answer.ok()) return reply(answer.status());
              reply(assay::ToMessage(answer->metric, answer->importance));
            });
      });
}

grpc::ServerUnaryReactor* InsightService::Predict(
    grpc::CallbackServerContext* call, const v1::PredictRequest* request,
    v1::PredictResponse* response) {
  return Handle(context_, call, "InsightService/Predict", response,
                [&](Reply<v1::PredictResponse> reply) {
                  absl::StatusOr<std::vector<Parameters>> configurations =
                      ToConfigurations(*request);
                  if (!configurations.ok()) {
                    return reply(configurations.status());
                  }
                  insight_.AskPredict(
                      request->study(), *std::move(configurations),
                      CancelledOf(reply),
                      [reply](absl::StatusOr<Insight::PredictAnswer> answer) {
                        if (!answer.ok()) return reply(answer.status());
                        reply(ToMessage(*answer));
                      });
                });
}

grpc::ServerUnaryReactor* InsightService::Quality(
    grpc::CallbackServerContext* call, const v1::QualityRequest* request,
    v1::QualityResponse* response) {
  return Handle(
      context_, call, "InsightService/Quality", response,
      [&](Reply<v1::QualityResponse> reply) {
        insight_.AskQuality(
            request->study(), request->metric(), CancelledOf(reply),
            [reply](absl::StatusOr<Insight::QualityAnswer> answer) {
              if (!answer.ok()) return reply(answer.status());
              reply(assay::ToMessage(answer->metric, answer->quality));
            });
      });
}

grpc::ServerUnaryReactor* InsightService::Replay(
    grpc::CallbackServerContext* call, const v1::ReplayRequest* request,
    v1::ReplayResponse* response) {
  return Handle(context_, call, "InsightService/Replay", response,
                [&](Reply<v1::ReplayResponse> reply) {
                  insight_.AskReplay(
                      request->study(),
                      [asked = *request](const StudySpec& spec) {
                        return ToStoppingSpecs(asked, spec.metrics);
                      },
                      CancelledOf(reply),
                      [reply](absl::StatusOr<std::vector<RuleReplay>> answer) {
                        if (!answer.ok()) return reply(answer.status());
                        reply(assay::ToMessage(*answer));
                      });
                });
}

grpc::ServerUnaryReactor* InsightService::Savings(
    grpc::CallbackServerContext* call, const v1::SavingsRequest* request,
    v1::SavingsResponse* response) {
  return Handle(context_, call, "InsightService/Savings", response,
                [&](Reply<v1::SavingsResponse> reply) {
                  insight_.AskSavings(
                      request->study(), CancelledOf(reply),
                      [reply](absl::StatusOr<assay::Savings> answer) {
                        if (!answer.ok()) return reply(answer.status());
                        reply(assay::ToMessage(*answer));
                      });
                });
}

}  // namespace assay
