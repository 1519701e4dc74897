#include "server/grpc/worker_service.h"

#include <memory>
#include <utility>

#include "proto/convert.h"
#include "server/grpc/unary.h"
#include "server/grpc/worker_stream.h"

namespace assay {
namespace {

v1::Worker ToMessage(const WorkerView& view) {
  v1::Worker message;
  message.set_name(view.hello.name);
  message.set_instance(view.hello.instance);
  message.set_slots(view.hello.slots);
  message.set_busy(view.busy);
  for (const WorkerGpu& gpu : view.hello.gpus) {
    v1::Gpu& to = *message.add_gpus();
    to.set_index(gpu.index);
    to.set_name(gpu.name);
    to.set_memory_bytes(gpu.memory_bytes);
  }
  for (const std::string& runner : view.hello.runners) {
    message.add_runners(runner);
  }
  message.set_connected(view.connected);
  message.set_draining(view.draining);
  *message.mutable_last_seen() = ToTimestamp(view.last_seen);
  for (const auto& [token, slot] : view.held) {
    v1::HeldAttempt& held = *message.add_held();
    held.set_trial_id(token.trial.value);
    held.set_attempt(token.attempt);
    held.set_slot(slot);
  }
  message.set_version(view.hello.version);
  message.set_any_command(view.hello.any_command);
  message.set_builtin(view.hello.builtin);
  return message;
}

}  // namespace

grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>*
WorkerService::Connect(grpc::CallbackServerContext* call) {
  CallRecord record(context_, "WorkerService/Connect");
  absl::Status admitted = record.Admit(*call);
  auto stream = std::make_shared<WorkerStream>(context_, std::move(record));
  if (admitted.ok()) {
    stream->Begin();
  } else {
    stream->Refuse(std::move(admitted));
  }
  return stream.get();
}

grpc::ServerUnaryReactor* WorkerService::List(
    grpc::CallbackServerContext* call, const v1::ListWorkersRequest*,
    v1::ListWorkersResponse* response) {
  return Handle(context_, call, "WorkerService/List", response,
                [&](Reply<v1::ListWorkersResponse> reply) {
                  v1::ListWorkersResponse list;
                  for (const WorkerView& view : context_.workers.List()) {
                    *list.add_workers() = ToMessage(view);
                  }
                  reply(std::move(list));
                });
}

grpc::ServerUnaryReactor* WorkerService::Drain(
    grpc::CallbackServerContext* call, const v1::DrainWorkerRequest* request,
    v1::Worker* response) {
  return Handle(context_, call, "WorkerService/Drain", response,
                [&](Reply<v1::Worker> reply) {
                  const absl::StatusOr<WorkerView> view =
                      context_.workers.Drain(request->name(), !request->undo());
                  if (!view.ok()) return reply(view.status());
                  reply(ToMessage(*view));
                });
}

}  // namespace assay
