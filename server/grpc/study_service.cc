#include "server/grpc/study_service.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "search/expression.h"
#include "search/factory.h"
#include "server/grpc/optimal_request.h"
#include "server/grpc/page_token.h"
#include "server/grpc/spec_codec.h"
#include "server/grpc/study_streams.h"
#include "server/grpc/trial_requests.h"
#include "server/grpc/unary.h"

namespace assay {
namespace {

constexpr int kScanned = 10'000;  // Studies looked at for one page.

// What a filter of studies sees.
Parameters FilterFields(const StudyView& view) {
  const Study& study = view.study;
  return {{"id", study.id.value},
          {"name", study.name},
          {"owner", study.owner},
          {"state", ToText(study.state)},
          {"trials", study.counts.trials},
          {"running", study.counts.running},
          {"completed", study.counts.completed},
          {"failed", study.counts.failed}};
}

absl::StatusOr<std::optional<Expression>> ParseFilter(
    const std::string& filter) {
  if (filter.empty()) return std::nullopt;
  absl::StatusOr<Expression> expression = Expression::Parse(filter);
  if (expression.ok()) return *std::move(expression);
  return absl::InvalidArgumentError(
      absl::StrCat("filter: ", std::string(expression.status().message())));
}

bool Passes(const std::optional<Expression>& filter, const Parameters& fields) {
  if (!filter) return true;
  return filter->Evaluate(
      [&](const std::string& name) -> const ParameterValue* {
        const auto it = fields.find(name);
        return it == fields.end() ? nullptr : &it->second;
      },
      Expression::Missing::kFalse);
}

}  // namespace

v1::Study ToMessage(const ServiceContext& context, const StudyView& view) {
  v1::Study message = ToMessage(view.study);
  *message.mutable_spec() = DecodeSpec(view.spec_text);
  for (const EarlierStudy& earlier : view.earlier) {
    *message.add_earlier() = ToMessage(earlier);
  }
  message.set_seconds_used(SecondsUsed(view.study, context.clock.Now()));
  if (view.study.state == StudyState::kActive) {
    message.set_waiting(context.workers.WhyWaiting(*view.spec));
  }
  if (const auto runner = context.studies.RunnerIfAny(view.study.id)) {
    message.set_stock(runner->stock());
    if (runner->supply() == SearchRunner::Supply::kFailed) {
      message.set_waiting(absl::StrCat(
          "the search failed: ", std::string(runner->status().message())));
    }
  }
  return message;
}

namespace {

// Answers with the study that a change gave.
StudyRegistry::Done ReplyWithStudy(const ServiceContext& context,
                                   Reply<v1::Study> reply) {
  return [&context, reply](absl::StatusOr<StudyView> view) {
    if (!view.ok()) return reply(view.status());
    reply(ToMessage(context, *view));
  };
}

absl::Status CheckUpdate(const v1::UpdateStudyRequest& request) {
  if (request.author().size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "author: ", request.author().size(), " bytes; at most 256"));
  }
  return CheckRequestId(request.request_id());
}

// The algorithm and the rule have to exist, for this space.
absl::Status CheckSearch(const StudySpec& spec) {
  ASSAY_RETURN_IF_ERROR(MakeEarlyStoppingRule(spec).status());
  if (spec.space.empty()) return absl::OkStatus();
  return MakeSearchStrategy(spec).status();
}

}  // namespace

grpc::ServerUnaryReactor* StudyService::Create(
    grpc::CallbackServerContext* call, const v1::CreateStudyRequest* request,
    v1::Study* response) {
  return Handle(
      context_, call, "StudyService/Create", response,
      [&](Reply<v1::Study> reply) {
        // Large spaces and their constraints take a while to check.
        context_.pool.Post([this, reply = std::move(reply), request] {
          absl::StatusOr<StudySpec> spec = ToStudySpec(request->spec());
          if (!spec.ok()) return reply(spec.status());
          if (absl::Status bad = CheckSearch(*spec); !bad.ok()) {
            return reply(std::move(bad));
          }
          std::optional<uint64_t> seed;
          if (request->spec().has_seed()) seed = request->spec().seed();
          context_.studies.Create(*std::move(spec), EncodeSpec(request->spec()),
                                  seed, ReplyWithStudy(context_, reply));
        });
      });
}

grpc::ServerUnaryReactor* StudyService::Get(grpc::CallbackServerContext* call,
                                            const v1::GetStudyRequest* request,
                                            v1::Study* response) {
  return HandleOnPool(
      context_, call, "StudyService/Get", response,
      [this, request]() -> absl::StatusOr<v1::Study> {
        ASSAY_ASSIGN_OR_RETURN(const StudyId id,
                               context_.studies.Resolve(request->study()));
        ASSAY_ASSIGN_OR_RETURN(const StudyView view, context_.studies.Get(id));
        return ToMessage(context_, view);
      });
}

grpc::ServerUnaryReactor* StudyService::List(
    grpc::CallbackServerContext* call, const v1::ListStudiesRequest* request,
    v1::ListStudiesResponse* response) {
  return HandleOnPool(
      context_, call, "StudyService/List", response,
      [this, request]() -> absl::StatusOr<v1::ListStudiesResponse> {
        ASSAY_ASSIGN_OR_RETURN(const int size,
                               ReadPageSize(request->page_size(), 100, 1000));
        ASSAY_ASSIGN_OR_RETURN(const std::optional<Expression> filter,
                               ParseFilter(request->filter()));
        const std::string list = absl::StrCat("studies ", request->filter());
        ASSAY_ASSIGN_OR_RETURN(const int64_t after,
                               ReadPageToken(request->page_token(), list, 0));
        v1::ListStudiesResponse page;
        StudyId last{after};
        for (int scanned = 0; scanned < kScanned;) {
          ASSAY_ASSIGN_OR_RETURN(const std::vector<StudyView> views,
                                 context_.studies.List(last, size));
          for (const StudyView& view : views) {
            last = view.study.id;
            ++scanned;
            if (!Passes(filter, FilterFields(view))) continue;
            *page.add_studies() = ToMessage(context_, view);
            if (page.studies_size() == size) break;
          }
          if (static_cast<int>(views.size()) < size &&
              page.studies_size() < size) {
            return page;
          }
          if (page.studies_size() == size) break;
        }
        page.set_next_page_token(MakePageToken(list, last.value));
        return page;
      });
}

grpc::ServerUnaryReactor* StudyService::Update(
    grpc::CallbackServerContext* call, const v1::UpdateStudyRequest* request,
    v1::Study* response) {
  return Handle(context_, call, "StudyService/Update", response,
                [&](Reply<v1::Study> reply) {
                  const absl::StatusOr<StudyId> id =
                      context_.studies.Resolve(request->study());
                  if (!id.ok()) return reply(id.status());
                  if (absl::Status bad = CheckUpdate(*request); !bad.ok()) {
                    return reply(std::move(bad));
                  }
                  StudyEdit edit;
                  if (request->has_budget()) {
                    absl::StatusOr<Budget> budget = ToBudget(request->budget());
                    if (!budget.ok()) return reply(budget.status());
                    edit.budget = *std::move(budget);
                  }
                  if (request->has_priority())
                    edit.priority = request->priority();
                  if (request->has_note()) edit.note = request->note();
                  context_.studies.Update(
                      *id, std::move(edit), request->author(),
                      request->request_id(), DeterministicBytes(*request),
                      ReplyWithStudy(context_, reply));
                });
}

grpc::ServerUnaryReactor* StudyService::Pause(
    grpc::CallbackServerContext* call, const v1::GetStudyRequest* request,
    v1::Study* response) {
  return Handle(context_, call, "StudyService/Pause", response,
                [&](Reply<v1::Study> reply) {
                  const auto id = context_.studies.Resolve(request->study());
                  if (!id.ok()) return reply(id.status());
                  context_.studies.Pause(*id, ReplyWithStudy(context_, reply));
                });
}

grpc::ServerUnaryReactor* StudyService::Resume(
    grpc::CallbackServerContext* call, const v1::GetStudyRequest* request,
    v1::Study* response) {
  return Handle(context_, call, "StudyService/Resume", response,
                [&](Reply<v1::Study> reply) {
                  const auto id = context_.studies.Resolve(request->study());
                  if (!id.ok()) return reply(id.status());
                  context_.studies.Resume(*id, ReplyWithStudy(context_, reply));
                });
}

grpc::ServerUnaryReactor* StudyService::Stop(grpc::CallbackServerContext* call,
                                             const v1::GetStudyRequest* request,
                                             v1::Study* response) {
  return Handle(context_, call, "StudyService/Stop", response,
                [&](Reply<v1::Study> reply) {
                  const auto id = context_.studies.Resolve(request->study());
                  if (!id.ok()) return reply(id.status());
                  context_.studies.Stop(*id, ReplyWithStudy(context_, reply));
                });
}

grpc::ServerUnaryReactor* StudyService::Delete(
    grpc::CallbackServerContext* call, const v1::GetStudyRequest* request,
    v1::Empty* response) {
  return Handle(context_, call, "StudyService/Delete", response,
                [&](Reply<v1::Empty> reply) {
                  const auto id = context_.studies.Resolve(request->study());
                  if (!id.ok()) return reply(id.status());
                  context_.studies.Delete(
                      *id, [reply](absl::StatusOr<StudyView> view) {
                        if (!view.ok()) return reply(view.status());
                        reply(v1::Empty());
                      });
                });
}

grpc::ServerUnaryReactor* StudyService::Optimal(
    grpc::CallbackServerContext* call, const v1::OptimalRequest* request,
    v1::OptimalResponse* response) {
  return HandleOnPool(
      context_, call, "StudyService/Optimal", response,
      [this, request] { return AnswerOptimal(context_, *request); });
}

namespace {

template <class Stream, class Response>
grpc::ServerWriteReactor<Response>* BeginStream(
    const ServiceContext& context, grpc::CallbackServerContext* call,
    const char* method, const std::string& study, std::atomic<int>& open,
    int64_t argument) {
  CallRecord record(context, method);
  absl::Status status = record.Admit(*call);
  StudyId id;
  if (status.ok()) {
    const absl::StatusOr<StudyId> found = context.studies.Resolve(study);
    status = found.status();
    if (found.ok()) id = *found;
  }
  if (status.ok() && open >= StudyService::kMaxStreams) {
    status = absl::ResourceExhaustedError(
        absl::StrCat(StudyService::kMaxStreams, " streams are open already"));
  }
  auto stream =
      std::make_shared<Stream>(context, std::move(record), open, id, argument);
  if (status.ok()) {
    stream->Begin();
  } else {
    stream->Refuse(std::move(status));
  }
  return stream.get();
}

}  // namespace

grpc::ServerWriteReactor<v1::WatchStudyResponse>* StudyService::Watch(
    grpc::CallbackServerContext* call, const v1::WatchStudyRequest* request) {
  return BeginStream<WatchStream, v1::WatchStudyResponse>(
      context_, call, "StudyService/Watch", request->study(), streams_,
      request->after());
}

grpc::ServerWriteReactor<v1::ExportStudyResponse>* StudyService::Export(
    grpc::CallbackServerContext* call, const v1::ExportStudyRequest* request) {
  return BeginStream<ExportStream, v1::ExportStudyResponse>(
      context_, call, "StudyService/Export", request->study(), streams_,
      request->measurements());
}

}  // namespace assay
