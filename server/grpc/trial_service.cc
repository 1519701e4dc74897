#include "server/grpc/trial_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "proto/convert_checkpoint.h"
#include "proto/convert_gradients.h"
#include "search/base/status_macros.h"
#include "search/checkpoint_retention.h"
#include "search/expression.h"
#include "search/trial_fields.h"
#include "server/grpc/page_token.h"
#include "server/grpc/spec_codec.h"
#include "server/grpc/trial_requests.h"
#include "server/grpc/unary.h"

namespace assay {
namespace {

constexpr int kScanned = 20'000;  // Trials looked at for one page.
constexpr int64_t kLogBytes = 256 << 10;

Token ToToken(int64_t trial, int32_t attempt) {
  return {TrialId{trial}, attempt};
}

// The study's seed goes into the trial's: read beside it.
absl::StatusOr<v1::Trial> WithSeed(const ServiceContext& context,
                                   const Trial& trial) {
  uint64_t seed = 0;
  if (const auto spec = context.studies.KnownSpec(trial.study)) {
    seed = spec->seed;
  } else {
    ASSAY_ASSIGN_OR_RETURN(const StudyView view,
                           context.studies.Get(trial.study));
    seed = view.study.seed;
  }
  return ToMessage(trial, seed);
}

absl::AnyInvocable<void(absl::StatusOr<Trial>)> ReplyWithTrial(
    const ServiceContext& context, Reply<v1::Trial> reply) {
  return [&context, reply](absl::StatusOr<Trial> trial) {
    if (!trial.ok()) return reply(trial.status());
    reply(WithSeed(context, *trial));
  };
}

v1::SuggestResponse ToMessage(const Answer& answer) {
  v1::SuggestResponse response;
  for (const Handout& handout : answer.handouts) {
    v1::Assignment& assignment = *response.add_assignments();
    *assignment.mutable_trial() =
        assay::ToMessage(handout.trial, handout.study_seed);
    assignment.set_attempt(handout.attempt.number);
    assignment.set_lease_seconds(absl::ToDoubleSeconds(handout.attempt.lease));
    if (handout.resume) {
      *assignment.mutable_resume() = assay::ToMessage(*handout.resume);
    }
    if (!handout.spec) continue;
    assignment.set_final_checkpoint(HasContinuations(*handout.spec));
    if (handout.spec->gradients.exists()) {
      *assignment.mutable_gradients() =
          assay::ToMessage(handout.spec->gradients);
    }
  }
  if (answer.handouts.empty()) {
    response.set_retry_after(absl::ToDoubleSeconds(answer.retry_after));
    response.set_reason(answer.reason);
  }
  return response;
}

v1::ReportResponse ToMessage(const Advice& advice) {
  v1::ReportResponse response;
  response.set_should_stop(advice.should_stop);
  response.set_reason(advice.reason);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* TrialService::Suggest(
    grpc::CallbackServerContext* call, const v1::SuggestRequest* request,
    v1::SuggestResponse* response) {
  return Handle(context_, call, "TrialService/Suggest", response,
                [&](Reply<v1::SuggestResponse> reply) {
                  const auto study = context_.studies.Resolve(request->study());
                  if (!study.ok()) return reply(study.status());
                  absl::StatusOr<Ask> ask = ToAsk(*study, *request);
                  if (!ask.ok()) return reply(ask.status());
                  const absl::Duration began = context_.clock.SinceBoot();
                  const int64_t ticket = context_.dispatcher.Suggest(
                      *std::move(ask),
                      [this, reply, began](absl::StatusOr<Answer> answer) {
                        if (!answer.ok()) return reply(answer.status());
                        if (!answer->handouts.empty()) {
                          context_.metrics.ObserveSuggest(
                              answer->handouts.back().trial.origin.strategy,
                              context_.clock.SinceBoot() - began);
                        }
                        reply(ToMessage(*answer));
                      });
                  if (request->wait() > 0) {
                    reply.OnCancel(
                        [this, ticket] { context_.dispatcher.Cancel(ticket); });
                  }
                });
}

grpc::ServerUnaryReactor* TrialService::Heartbeat(
    grpc::CallbackServerContext* call, const v1::HeartbeatRequest* request,
    v1::ReportResponse* response) {
  return Handle(context_, call, "TrialService/Heartbeat", response,
                [&](Reply<v1::ReportResponse> reply) {
                  const auto advice = context_.recorder.Heartbeat(
                      ToToken(request->trial_id(), request->attempt()));
                  if (!advice.ok()) return reply(advice.status());
                  reply(ToMessage(*advice));
                });
}

grpc::ServerUnaryReactor* TrialService::Complete(
    grpc::CallbackServerContext* call, const v1::CompleteRequest* request,
    v1::Trial* response) {
  return Handle(context_, call, "TrialService/Complete", response,
                [&](Reply<v1::Trial> reply) {
                  auto report = ToFinishReport(*request);
                  if (!report.ok()) return reply(report.status());
                  context_.recorder.Finish(*std::move(report),
                                           ReplyWithTrial(context_, reply));
                });
}

grpc::ServerUnaryReactor* TrialService::Fail(grpc::CallbackServerContext* call,
                                             const v1::FailRequest* request,
                                             v1::Trial* response) {
  return Handle(context_, call, "TrialService/Fail", response,
                [&](Reply<v1::Trial> reply) {
                  auto report = ToFinishReport(*request);
                  if (!report.ok()) return reply(report.status());
                  context_.recorder.Finish(*std::move(report),
                                           ReplyWithTrial(context_, reply));
                });
}

grpc::ServerUnaryReactor* TrialService::Enqueue(
    grpc::CallbackServerContext* call, const v1::EnqueueRequest* request,
    v1::Trial* response) {
  return Handle(context_, call, "TrialService/Enqueue", response,
                [&](Reply<v1::Trial> reply) {
                  const auto study = context_.studies.Resolve(request->study());
                  if (!study.ok()) return reply(study.status());
                  auto enqueued = ToEnqueued(*request);
                  if (!enqueued.ok()) return reply(enqueued.status());
                  context_.editor.Enqueue(*study, *std::move(enqueued),
                                          {"Enqueue", request->request_id(),
                                           DeterministicBytes(*request)},
                                          ReplyWithTrial(context_, reply));
                });
}

grpc::ServerUnaryReactor* TrialService::CreateTrial(
    grpc::CallbackServerContext* call, const v1::CreateTrialRequest* request,
    v1::Trial* response) {
  return Handle(context_, call, "TrialService/CreateTrial", response,
                [&](Reply<v1::Trial> reply) {
                  const auto study = context_.studies.Resolve(request->study());
                  if (!study.ok()) return reply(study.status());
                  auto imported = ToImported(*request);
                  if (!imported.ok()) return reply(imported.status());
                  context_.editor.Import(*study, *std::move(imported),
                                         {"CreateTrial", request->request_id(),
                                          DeterministicBytes(*request)},
                                         ReplyWithTrial(context_, reply));
                });
}

grpc::ServerUnaryReactor* TrialService::Stop(
    grpc::CallbackServerContext* call, const v1::StopTrialRequest* request,
    v1::Trial* response) {
  return Handle(
      context_, call, "TrialService/Stop", response,
      [&](Reply<v1::Trial> reply) {
        if (absl::Status bad = CheckReason("reason", request->reason());
            !bad.ok()) {
          return reply(std::move(bad));
        }
        context_.editor.Stop(TrialId{request->trial_id()}, request->reason(),
                             ReplyWithTrial(context_, reply));
      });
}

grpc::ServerUnaryReactor* TrialService::Retry(
    grpc::CallbackServerContext* call, const v1::RetryTrialRequest* request,
    v1::Trial* response) {
  return Handle(context_, call, "TrialService/Retry", response,
                [&](Reply<v1::Trial> reply) {
                  if (absl::Status bad = CheckRequestId(request->request_id());
                      !bad.ok()) {
                    return reply(std::move(bad));
                  }
                  context_.editor.Retry(TrialId{request->trial_id()},
                                        {"Retry", request->request_id(),
                                         DeterministicBytes(*request)},
                                        ReplyWithTrial(context_, reply));
                });
}

// --- Reading ----------------------------------------------------------------

namespace {

// The study that is meant unless a trial is named by its global id.
absl::StatusOr<StudyId> ResolveUnlessTrial(const ServiceContext& context,
                                           const std::string& study,
                                           int64_t trial_id) {
  if (trial_id != 0) return StudyId{};
  return context.studies.Resolve(study);
}

absl::StatusOr<Trial> FindTrial(StudyId study, Snapshot& rows,
                                const v1::GetTrialRequest& request) {
  if (request.trial_id() != 0) {
    return rows.GetTrial(TrialId{request.trial_id()});
  }
  ASSAY_ASSIGN_OR_RETURN(std::optional<Trial> trial,
                         rows.FindTrial(study, request.number()));
  if (trial) return *std::move(trial);
  return absl::NotFoundError(absl::StrCat("no trial ", request.number(),
                                          " in study ", request.study()));
}

absl::StatusOr<v1::Trial> GetTrial(const ServiceContext& context,
                                   const v1::GetTrialRequest& request) {
  ASSAY_ASSIGN_OR_RETURN(
      const StudyId named,
      ResolveUnlessTrial(context, request.study(), request.trial_id()));
  v1::Trial message;
  ASSAY_RETURN_IF_ERROR(
      context.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const Trial trial,
                               FindTrial(named, rows, request));
        ASSAY_ASSIGN_OR_RETURN(const Study study, rows.GetStudy(trial.study));
        message = ToMessage(trial, study.seed);
        ASSAY_ASSIGN_OR_RETURN(const std::vector<Attempt> attempts,
                               rows.ListAttempts(trial.id));
        for (const Attempt& attempt : attempts) {
          *message.add_attempt_list() = ToMessage(attempt);
        }
        ASSAY_ASSIGN_OR_RETURN(const std::optional<Measurement> last,
                               rows.LastMeasurement(trial.id, trial.attempts));
        if (last) *message.mutable_last_measurement() = ToMessage(*last);
        return absl::OkStatus();
      }));
  return message;
}

absl::StatusOr<std::vector<Trial>> ReadTrials(const ServiceContext& context,
                                              StudyId study,
                                              const TrialQuery& query) {
  std::vector<Trial> trials;
  ASSAY_RETURN_IF_ERROR(
      context.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(trials, rows.ListTrials(study, query));
        return absl::OkStatus();
      }));
  return trials;
}

// Walks a study's trials in one direction, a page of numbers at a time.
class TrialWalk {
 public:
  // `at`: the number that was seen last.
  TrialWalk(const ServiceContext& context, StudyId study, bool descending,
            int64_t at)
      : context_(context), study_(study), descending_(descending), at_(at) {}

  // Empty at the end.
  absl::StatusOr<std::vector<Trial>> Next(int limit) {
    while (true) {
      if (descending_ && at_ <= 0) return std::vector<Trial>();
      const int64_t first =
          descending_ ? std::max<int64_t>(0, at_ - limit) : at_ + 1;
      ASSAY_ASSIGN_OR_RETURN(
          std::vector<Trial> trials,
          ReadTrials(context_, study_,
                     {.after_number = first - 1, .limit = limit}));
      if (!descending_) {
        if (!trials.empty()) at_ = trials.back().number;
        return trials;
      }
      // Hidden trials leave gaps: what lies beyond was seen already.
      std::erase_if(trials, [&](const Trial& t) { return t.number >= at_; });
      std::reverse(trials.begin(), trials.end());
      at_ = first;
      if (!trials.empty() || at_ == 0) return trials;
    }
  }

 private:
  const ServiceContext& context_;
  const StudyId study_;
  const bool descending_;
  int64_t at_;
};

absl::StatusOr<v1::ListTrialsResponse> ListTrials(
    const ServiceContext& context, const v1::ListTrialsRequest& request) {
  ASSAY_ASSIGN_OR_RETURN(const StudyId study,
                         context.studies.Resolve(request.study()));
  ASSAY_ASSIGN_OR_RETURN(const int size,
                         ReadPageSize(request.page_size(), 100, 1000));
  std::optional<Expression> filter;
  if (!request.filter().empty()) {
    absl::StatusOr<Expression> parsed = Expression::Parse(request.filter());
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("filter: ", std::string(parsed.status().message())));
    }
    filter = *std::move(parsed);
  }
  ASSAY_ASSIGN_OR_RETURN(const StudyView view, context.studies.Get(study));
  const std::string list = absl::StrCat(
      "trials ", study.value, " ", request.descending(), " ", request.filter());
  ASSAY_ASSIGN_OR_RETURN(
      int64_t at,
      ReadPageToken(request.page_token(), list,
                    request.descending() ? view.study.counts.trials : -1));
  // Whoever makes up a token must not send the walk over an endless emptiness.
  at = std::clamp<int64_t>(at, -1, view.study.counts.trials);
  TrialWalk walk(context, study, request.descending(), at);
  v1::ListTrialsResponse page;
  page.set_revision(view.study.revision);
  for (int scanned = 0; scanned < kScanned;) {
    ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> trials, walk.Next(size));
    if (trials.empty()) return page;
    for (const Trial& trial : trials) {
      at = trial.number;
      ++scanned;
      if (filter && !Passes(*filter, trial)) continue;
      *page.add_trials() = ToMessage(trial, view.study.seed);
      if (page.trials_size() == size) {
        page.set_next_page_token(MakePageToken(list, at));
        return page;
      }
    }
  }
  page.set_next_page_token(MakePageToken(list, at));
  return page;
}

}  // namespace

grpc::ServerUnaryReactor* TrialService::Get(grpc::CallbackServerContext* call,
                                            const v1::GetTrialRequest* request,
                                            v1::Trial* response) {
  return HandleOnPool(context_, call, "TrialService/Get", response,
                      [this, request] { return GetTrial(context_, *request); });
}

grpc::ServerUnaryReactor* TrialService::List(
    grpc::CallbackServerContext* call, const v1::ListTrialsRequest* request,
    v1::ListTrialsResponse* response) {
  return HandleOnPool(
      context_, call, "TrialService/List", response,
      [this, request] { return ListTrials(context_, *request); });
}

grpc::ServerUnaryReactor* TrialService::Curve(grpc::CallbackServerContext* call,
                                              const v1::CurveRequest* request,
                                              v1::CurveResponse* response) {
  return HandleOnPool(
      context_, call, "TrialService/Curve", response,
      [this, request]() -> absl::StatusOr<v1::CurveResponse> {
        ASSAY_ASSIGN_OR_RETURN(
            const int size, ReadPageSize(request->page_size(), 1000, 10'000));
        v1::CurveResponse page;
        ASSAY_RETURN_IF_ERROR(
            context_.storage.Read([&](Snapshot& rows) -> absl::Status {
              ASSAY_ASSIGN_OR_RETURN(
                  const Trial trial,
                  rows.GetTrial(TrialId{request->trial_id()}));
              const int32_t attempt =
                  request->attempt() == 0 ? trial.attempts : request->attempt();
              ASSAY_ASSIGN_OR_RETURN(
                  const std::vector<Measurement> curve,
                  rows.ListMeasurements(trial.id, attempt,
                                        request->after_sequence(), size));
              for (const Measurement& measurement : curve) {
                *page.add_measurements() = ToMessage(measurement);
              }
              return absl::OkStatus();
            }));
        return page;
      });
}

grpc::ServerUnaryReactor* TrialService::Log(grpc::CallbackServerContext* call,
                                            const v1::LogRequest* request,
                                            v1::LogResponse* response) {
  return HandleOnPool(
      context_, call, "TrialService/Log", response,
      [this, request]() -> absl::StatusOr<v1::LogResponse> {
        if (request->offset() < 0) {
          return absl::InvalidArgumentError(
              absl::StrCat("offset: ", request->offset(), "; at least 0"));
        }
        std::vector<LogPiece> pieces;
        ASSAY_RETURN_IF_ERROR(context_.storage.Read([&](Snapshot& rows)
                                                        -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(const Trial trial,
                                 rows.GetTrial(TrialId{request->trial_id()}));
          const int32_t attempt =
              request->attempt() == 0 ? trial.attempts : request->attempt();
          ASSAY_ASSIGN_OR_RETURN(
              pieces, rows.ReadLog(trial.id, attempt, request->offset(), 64));
          return absl::OkStatus();
        }));
        v1::LogResponse log;
        log.set_offset(request->offset());
        std::string& data = *log.mutable_data();
        for (const LogPiece& piece : pieces) {
          const int64_t end = log.offset() + static_cast<int64_t>(data.size());
          if (data.empty() && piece.offset > end) log.set_offset(piece.offset);
          const bool has_gap = !data.empty() && piece.offset > end;
          if (has_gap || static_cast<int64_t>(data.size()) >= kLogBytes) break;
          const int64_t skip = std::max<int64_t>(
              0,
              log.offset() + static_cast<int64_t>(data.size()) - piece.offset);
          if (skip < static_cast<int64_t>(piece.bytes.size())) {
            data += piece.bytes.substr(skip);
          }
        }
        return log;
      });
}

// --- Attributes -------------------------------------------------------------

namespace {

// Study and trial that attributes belong to; the trial is 0 for the study's.
absl::StatusOr<std::pair<StudyId, TrialId>> Owner(Snapshot& rows, StudyId study,
                                                  int64_t trial_id) {
  if (trial_id == 0) {
    ASSAY_RETURN_IF_ERROR(rows.GetStudy(study).status());
    return std::make_pair(study, TrialId{});
  }
  ASSAY_ASSIGN_OR_RETURN(const Trial trial, rows.GetTrial(TrialId{trial_id}));
  return std::make_pair(trial.study, trial.id);
}

}  // namespace

grpc::ServerUnaryReactor* TrialService::SetAttributes(
    grpc::CallbackServerContext* call, const v1::SetAttributesRequest* request,
    v1::Empty* response) {
  return Handle(context_, call, "TrialService/SetAttributes", response,
                [&](Reply<v1::Empty> reply) {
                  auto attributes = ToAttributes(request->attributes());
                  if (!attributes.ok()) return reply(attributes.status());
                  const auto study = ResolveUnlessTrial(
                      context_, request->study(), request->trial_id());
                  if (!study.ok()) return reply(study.status());
                  context_.storage.Write(
                      [study = *study, trial = request->trial_id(),
                       attributes = *std::move(attributes)](
                          Transaction& rows) -> absl::Status {
                        ASSAY_ASSIGN_OR_RETURN(const auto owner,
                                               Owner(rows, study, trial));
                        for (const Attribute& attribute : attributes) {
                          ASSAY_RETURN_IF_ERROR(rows.SetAttribute(
                              owner.first, owner.second, attribute));
                        }
                        return absl::OkStatus();
                      },
                      [reply](absl::Status status) {
                        if (!status.ok()) return reply(std::move(status));
                        reply(v1::Empty());
                      },
                      request->ByteSizeLong() + 512);
                });
}

grpc::ServerUnaryReactor* TrialService::ListAttributes(
    grpc::CallbackServerContext* call, const v1::ListAttributesRequest* request,
    v1::ListAttributesResponse* response) {
  return HandleOnPool(
      context_, call, "TrialService/ListAttributes", response,
      [this, request]() -> absl::StatusOr<v1::ListAttributesResponse> {
        ASSAY_ASSIGN_OR_RETURN(const StudyId study,
                               ResolveUnlessTrial(context_, request->study(),
                                                  request->trial_id()));
        v1::ListAttributesResponse list;
        ASSAY_RETURN_IF_ERROR(
            context_.storage.Read([&](Snapshot& rows) -> absl::Status {
              ASSAY_ASSIGN_OR_RETURN(const auto owner,
                                     Owner(rows, study, request->trial_id()));
              ASSAY_ASSIGN_OR_RETURN(
                  const std::vector<Attribute> attributes,
                  rows.ListAttributes(owner.first, owner.second));
              for (const Attribute& attribute : attributes) {
                v1::Attribute& message = *list.add_attributes();
                message.set_namespace_(attribute.ns);
                message.set_key(attribute.key);
                message.set_value(attribute.value);
              }
              return absl::OkStatus();
            }));
        return list;
      });
}

}  // namespace assay
