// The search without the service: studies by JSON lines on standard input, one
// answer a line on standard output. README.md beside this tells the protocol.
// Whoever starts it sets OPENBLAS_NUM_THREADS=1, read before main().

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/insight/model_quality.h"
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
  absl::StatusOr<Json> Create(const Json& request);

  std::map<std::string, DriverStudy> studies_;
};

std::string IdOf(const Json& request) {
  return request.at("id").get<std::string>();
}

absl::StatusOr<Metrics> MetricsOf(const Json& request) {
  return ReadMetrics(request.value("metrics", Json::object()));
}

Json WriteTrial(const Trial& trial) {
  return {{"trial", trial.number},
          {"parameters", WriteParameters(trial.parameters)},
          {"from_step", trial.from_step},
          {"to_step", trial.to_step},
          {"replicate", trial.replicate},
          {"strategy", trial.origin.strategy},
          {"why", trial.origin.why}};
}

// {"name", "trust", "trials": [{"parameters", "metrics"}]}: all COMPLETED.
absl::StatusOr<EarlierStudy> ReadEarlier(const Json& json,
                                         const StudySpec& spec) {
  EarlierStudy earlier{
      .name = json.at("name").get<std::string>(),
      .trust = json.at("trust") == "SAME" ? Trust::kSame : Trust::kSimilar};
  for (const Json& given : json.at("trials")) {
    Trial trial;
    trial.state = TrialState::kCompleted;
    trial.number = earlier.ended++;
    ASSAY_ASSIGN_OR_RETURN(trial.parameters,
                           ReadParameters(given.at("parameters")));
    ASSAY_ASSIGN_OR_RETURN(trial.final_metrics, MetricsOf(given));
    AddEarlier(trial, spec, earlier);
  }
  return earlier;
}

absl::StatusOr<Json> Driver::Create(const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(StudySpec spec, ReadStudySpec(request));
  std::vector<EarlierStudy> earlier;
  for (const Json& study : request.value("earlier", Json::array())) {
    ASSAY_ASSIGN_OR_RETURN(earlier.emplace_back(), ReadEarlier(study, spec));
  }
  ASSAY_ASSIGN_OR_RETURN(DriverStudy study,
                         DriverStudy::Create(std::move(spec), earlier));
  const Json answer = {{"cpu_us", study.TakeCpuMicros()}};
  studies_.insert_or_assign(IdOf(request), std::move(study));
  return answer;
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

absl::Status End(DriverStudy& study, TrialState state, const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(Metrics metrics, MetricsOf(request));
  return study.End(request.at("trial").get<int64_t>(), state,
                   std::move(metrics));
}

absl::Status Add(DriverStudy& study, const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(Parameters parameters,
                         ReadParameters(request.at("parameters")));
  ASSAY_ASSIGN_OR_RETURN(Metrics metrics, MetricsOf(request));
  return study.Add(std::move(parameters), std::move(metrics));
}

absl::Status Report(DriverStudy& study, const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(Metrics metrics, MetricsOf(request));
  return study
      .Report(request.at("trial").get<int64_t>(),
              request.at("step").get<int64_t>(), std::move(metrics))
      .status();
}

Json WriteCoverage(const Coverage& coverage) {
  return {{"half", coverage.half}, {"most", coverage.most}};
}

// What a model of the finished trials says of itself, and of `points`.
absl::StatusOr<Json> Insight(const DriverStudy& study, const Json& request) {
  ASSAY_ASSIGN_OR_RETURN(const StudyModel model,
                         study.Model(request.value("metric", "")));
  const ModelQuality quality = AssessQuality(model);
  std::vector<Parameters> points;
  for (const Json& point : request.at("points")) {
    ASSAY_ASSIGN_OR_RETURN(points.emplace_back(), ReadParameters(point));
    ASSAY_ASSIGN_OR_RETURN(points.back(),
                           model.spec().space.Canonical(points.back()));
  }
  Json predictions = Json::array();
  for (const Prediction& said : Predict(model, points)) {
    predictions.push_back({{"median", said.median},
                           {"half", {said.half.low, said.half.high}},
                           {"most", {said.most.low, said.most.high}}});
  }
  return Json{{"r_squared", quality.r_squared},
              {"rank_correlation", quality.rank_correlation},
              {"log_score", quality.log_score},
              {"coverage", WriteCoverage(quality.coverage)},
              {"uncalibrated", WriteCoverage(quality.uncalibrated)},
              {"predictions", predictions}};
}

absl::StatusOr<Json> Driver::Dispatch(const std::string& what,
                                      const Json& request) {
  static const std::map<std::string, TrialState> kEnds = {
      {"complete", TrialState::kCompleted},
      {"fail", TrialState::kFailed},
      {"stop", TrialState::kStopped},
      {"infeasible", TrialState::kInfeasible}};
  if (what == "create") return Create(request);
  const auto found = studies_.find(IdOf(request));
  if (found == studies_.end()) {
    return absl::NotFoundError("there is no study of this id");
  }
  DriverStudy& study = found->second;
  Json answer = Json::object();
  if (what == "close") {
    studies_.erase(found);
    return answer;
  }
  if (what == "insight") return Insight(study, request);
  if (what == "suggest") {
    ASSAY_ASSIGN_OR_RETURN(answer, Suggest(study, request));
  } else if (what == "report") {
    ASSAY_RETURN_IF_ERROR(Report(study, request));
  } else if (what == "add") {
    ASSAY_RETURN_IF_ERROR(Add(study, request));
  } else if (const auto end = kEnds.find(what); end != kEnds.end()) {
    ASSAY_RETURN_IF_ERROR(End(study, end->second, request));
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", what, "\" is unknown, there are create, suggest, add, report, ",
        "complete, fail, stop, infeasible, insight, close"));
  }
  answer["cpu_us"] = study.TakeCpuMicros();
  return answer;
}

Json Driver::Answer(const std::string& line) {
  Json answer = Json::object();
  try {
    const Json json = Json::parse(line);
    if (!json.is_object() || json.size() != 1) {
      return {{"error", "not an object of one request"}};
    }
    const std::string what = json.items().begin().key();
    const Json& request = json.at(what);
    absl::StatusOr<Json> done = Dispatch(what, request);
    answer = done.ok() ? *std::move(done)
                       : Json{{"error", std::string(done.status().message())}};
    answer["id"] = IdOf(request);
  } catch (const Json::exception& error) {
    answer["error"] = error.what();
  }
  return answer;
}

void Run() {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) continue;
    std::cout << driver.Answer(line).dump() << '\n';
    // Who asks several things at once gets the answers together.
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
}

}  // namespace
}  // namespace assay

int main() {
  assay::Run();
  return 0;
}
