#include "client/cli/retrain.h"

#include <cmath>
#include <map>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

// A domain of the one value.
v1::Parameter Fixed(const v1::Parameter& parameter,
                    const google::protobuf::Value& value) {
  v1::Parameter fixed;
  fixed.set_name(parameter.name());
  if (parameter.has_integer()) {
    const auto number = static_cast<int64_t>(value.number_value());
    fixed.mutable_integer()->set_min(number);
    fixed.mutable_integer()->set_max(number);
  } else if (parameter.has_categorical()) {
    *fixed.mutable_categorical()->mutable_values()->add_values() = value;
  } else {
    fixed.mutable_discrete()->add_values(value.number_value());
  }
  return fixed;
}

// Runs the configuration of `best` and no other.
v1::StudySpec SpecOf(const v1::Study& study, const v1::Trial& best,
                     int32_t count) {
  v1::StudySpec spec;
  spec.set_owner(study.spec().owner());
  spec.set_name(
      absl::StrCat(study.spec().name(), "-best-", best.number(), "-x", count));
  *spec.mutable_metrics() = study.spec().metrics();
  for (const v1::Parameter& parameter : study.spec().parameters()) {
    const auto value = best.parameters().find(parameter.name());
    if (value == best.parameters().end()) continue;  // Inactive.
    *spec.add_parameters() = Fixed(parameter, value->second);
  }
  spec.mutable_algorithm()->mutable_random();
  *spec.mutable_trial() = study.spec().trial();
  spec.mutable_trial()->set_final_test(true);
  spec.mutable_budget()->set_max_trials(1);
  spec.mutable_replicates()->set_count(count);
  if (study.spec().has_schedule()) {
    *spec.mutable_schedule() = study.spec().schedule();
    spec.mutable_schedule()->set_min_steps(study.spec().schedule().max_steps());
    spec.mutable_schedule()->mutable_asha();
  }
  spec.set_note(absl::StrCat("trial ", best.number(), " of ",
                             study.spec().name(), " from its start, ", count,
                             " times"));
  return spec;
}

// Standard deviation of the runs, from the standard error of their mean.
double Deviation(const v1::ReplicateSummary& summary,
                 const std::string& metric) {
  const auto error = summary.standard_error().find(metric);
  if (error == summary.standard_error().end()) return std::nan("");
  return error->second * std::sqrt(summary.count());
}

void PrintSummary(Context& context, const v1::ReplicateSummary& summary) {
  Table table({{"metric"}, {"mean", true}, {"deviation", true}});
  const std::map<std::string, double> means(summary.mean().begin(),
                                            summary.mean().end());
  for (const auto& [name, mean] : means) {
    const double deviation = Deviation(summary, name);
    table.AddRow({{name},
                  {FormatNumber(mean)},
                  {std::isnan(deviation) ? "" : FormatNumber(deviation)}});
  }
  for (const std::string& line : table.Lines(context.look)) {
    context.out << line << "\n";
  }
}

absl::StatusOr<v1::OptimalResponse> BestOf(const Connection& connection,
                                           const std::string& study) {
  v1::OptimalRequest request;
  request.set_study(study);
  request.set_count(1);
  ASSAY_ASSIGN_OR_RETURN(
      v1::OptimalResponse best,
      connection.Call(&v1::StudyService::Stub::Optimal, request));
  return best;
}

absl::Status PrintState(Context& context, const Connection& connection,
                        const v1::Study& again) {
  ASSAY_ASSIGN_OR_RETURN(const v1::OptimalResponse best,
                         BestOf(connection, absl::StrCat(again.id())));
  if (context.json) {
    context.out << ToJson(best).dump(2) << "\n";
    return absl::OkStatus();
  }
  const int32_t count = again.spec().replicates().count();
  const int64_t ended = Ended(again.counts());
  context.out << again.spec().note() << ": " << ended << " of " << count
              << " ended, " << again.counts().failed() << " failed (study "
              << Printable(FormatName(again)) << ")\n";
  if (ended < count || best.replicates().empty()) return absl::OkStatus();
  PrintSummary(context, best.replicates(0));
  return absl::OkStatus();
}

}  // namespace

absl::Status Retrain(Context& context, const Connection& connection,
                     const std::string& study, int32_t count) {
  ASSAY_ASSIGN_OR_RETURN(const v1::Study found, GetStudy(connection, study));
  ASSAY_ASSIGN_OR_RETURN(const v1::OptimalResponse best,
                         BestOf(connection, absl::StrCat(found.id())));
  if (best.trials().empty()) {
    return absl::NotFoundError(
        absl::StrCat("no trial of ", FormatName(found), " has a value"));
  }
  v1::CreateStudyRequest request;
  *request.mutable_spec() = SpecOf(found, best.trials(0), count);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::Study again,
      connection.Call(&v1::StudyService::Stub::Create, request));
  return PrintState(context, connection, again);
}

}  // namespace assay
