// Studies without the service, as trials in virtual time need them: the
// strategy, its schedule and the early-stopping rule of any StudySpec. JSON
// lines on standard input, one answer a line on standard output; README.md
// beside this tells the protocol. Whoever starts it sets
// OPENBLAS_NUM_THREADS=1.

#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "assay/v1/study.pb.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "tests/bench/search/driver_study.h"
#include "tests/bench/search/spec_json.h"

namespace assay {
namespace {

using Json = nlohmann::json;

// Fields that are missing or of another type throw Json::exception, caught in
// Answer().
class Driver {
 public:
  // What `line` asks, done: an object with "id" and "cpu_us", or "error".
  Json Answer(const std::string& line);

 private:
  absl::StatusOr<Json> Dispatch(const std::string& what, const Json& request);

  std::map<std::string, DriverStudy> studies_;
};

std::string IdOf(const Json& request) {
  return request.at("id").get<std::string>();
}

int64_t TrialOf(const Json& request) {
  return request.at("trial").get<int64_t>();
}

absl::StatusOr<Metrics> MetricsOf(const Json& request) {
  return ReadMetrics(request.value("metrics", Json::object()));
}

absl::StatusOr<DriverStudy> Create(const Json& request) {
  v1::StudySpec message;
  const auto read = google::protobuf::util::JsonStringToMessage(
      request.at("spec").dump(), &message);
  if (!read.ok()) {
    return absl::InvalidArgumentError(std::string(read.message()));
  }
  ASSAY_ASSIGN_OR_RETURN(StudySpec spec, ToStudySpec(message));
  return DriverStudy::Create(std::move(spec));
}

Json WriteTrial(const Trial& trial) {
  Json json = {{"trial", trial.number},
               {"parameters", WriteParameters(trial.parameters)},
               {"from_step", trial.from_step},
               {"to_step", trial.to_step},
               {"why", trial.origin.why}};
  // Ids are numbers from 1, see DriverStudy.
  if (trial.continues.value != 0) {
    json["continues"] = trial.continues.value - 1;
  }
  return json;
}

absl::StatusOr<Json> Suggest(DriverStudy& study, const Json& request) {
  const auto trials = study.Suggest(request.value("count", 1));
  Json answer = {{"trials", Json::array()}};
  if (absl::IsOutOfRange(trials.status())) {
    answer["exhausted"] = true;
    return answer;
  }
  ASSAY_RETURN_IF_ERROR(trials.status());
  for (const Trial& trial : *trials) {
    answer["trials"].push_back(WriteTrial(trial));
  }
  return answer;
}

absl::StatusOr<Json> Report(DriverStudy& study, const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(Metrics metrics, MetricsOf(request));
  ASSAY_ASSIGN_OR_RETURN(
      const std::optional<std::string> reason,
      study.Report(TrialOf(request), request.at("step").get<int64_t>(),
                   std::move(metrics)));
  Json answer = Json::object();
  if (reason.has_value()) answer["stop"] = *reason;
  return answer;
}

absl::StatusOr<Json> End(DriverStudy& study, TrialState state,
                         const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(Metrics metrics, MetricsOf(request));
  ASSAY_RETURN_IF_ERROR(study.End(TrialOf(request), state, std::move(metrics)));
  return Json::object();
}

absl::StatusOr<Json> Ask(DriverStudy& study, const std::string& what,
                         const Json& request) {
  if (what == "suggest") return Suggest(study, request);
  if (what == "report") return Report(study, request);
  if (what == "complete") return End(study, TrialState::kCompleted, request);
  if (what == "stop") return End(study, TrialState::kStopped, request);
  return absl::InvalidArgumentError(
      absl::StrCat("\"", what, "\" is unknown, there are create, suggest, ",
                   "report, complete, stop, close"));
}

absl::StatusOr<Json> Driver::Dispatch(const std::string& what,
                                      const Json& request) {
  const std::string id = IdOf(request);
  if (what == "create") {
    ASSAY_ASSIGN_OR_RETURN(DriverStudy study, Create(request));
    studies_.insert_or_assign(id, std::move(study));
  }
  const auto found = studies_.find(id);
  if (found == studies_.end()) {
    return absl::NotFoundError("there is no study of this id");
  }
  Json answer = Json::object();
  if (what == "close") {
    studies_.erase(found);
    return answer;
  }
  if (what != "create") {
    ASSAY_ASSIGN_OR_RETURN(answer, Ask(found->second, what, request));
  }
  answer["cpu_us"] = found->second.TakeCpuMicros();
  return answer;
}

Json Driver::Answer(const std::string& line) {
  try {
    const Json json = Json::parse(line);
    if (!json.is_object() || json.size() != 1) {
      return {{"error", "not an object of one request"}};
    }
    const auto& [what, request] = *json.items().begin();
    absl::StatusOr<Json> done = Dispatch(what, request);
    if (done.ok()) return *std::move(done);
    return {{"error", std::string(done.status().message())}};
  } catch (const Json::exception& error) {
    return {{"error", error.what()}};
  }
}

void Run() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << driver.Answer(line).dump() << '\n' << std::flush;
  }
}

}  // namespace
}  // namespace assay

int main() {
  assay::Run();
  return 0;
}
