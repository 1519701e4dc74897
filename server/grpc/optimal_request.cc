#include "server/grpc/optimal_request.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/convert.h"
#include "search/base/status_macros.h"
#include "search/lineages.h"
#include "search/optimal.h"

namespace assay {
namespace {

constexpr int kMaxCount = 1000;

absl::StatusOr<OptimalQuery> ToQuery(const v1::OptimalRequest& request) {
  if (request.count() < 0 || request.count() > kMaxCount) {
    return absl::InvalidArgumentError(absl::StrCat(
        "count: ", request.count(), "; 1 to ", kMaxCount, ", or 0 for 1"));
  }
  OptimalQuery query{.count = std::max(1, request.count()),
                     .prefer = request.prefer()};
  if (request.where().empty()) return query;
  absl::StatusOr<Expression> where = Expression::Parse(request.where());
  if (!where.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("where: ", std::string(where.status().message())));
  }
  query.where = *std::move(where);
  return query;
}

// COMPLETED and STOPPED trials, by number.
absl::StatusOr<std::vector<Trial>> ReadEnded(const ServiceContext& context,
                                             StudyId study) {
  constexpr int kPage = 1000;
  std::vector<Trial> trials;
  for (int64_t after = -1;;) {
    std::vector<Trial> page;
    ASSAY_RETURN_IF_ERROR(
        context.storage.Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(
              page, rows.ListTrials(study, {.after_number = after,
                                            .limit = kPage,
                                            .states = {TrialState::kCompleted,
                                                       TrialState::kStopped}}));
          return absl::OkStatus();
        }));
    const bool last = page.size() < kPage;
    if (!page.empty()) after = page.back().number;
    std::move(page.begin(), page.end(), std::back_inserter(trials));
    if (last) return trials;
  }
}

// One objective and nothing else: the storage has an index for it.
bool IsSimple(const StudySpec& spec, const OptimalQuery& query) {
  return spec.metrics.size() == 1 && spec.replicates == 1 &&
         !spec.schedule.exists() && !query.where && query.prefer.empty();
}

absl::StatusOr<Optimal> ReadBest(const ServiceContext& context, StudyId study,
                                 Goal goal, int count) {
  Optimal optimal;
  ASSAY_RETURN_IF_ERROR(
      context.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(optimal.trials,
                               rows.ListBest(study, goal, 0, count));
        return absl::OkStatus();
      }));
  return optimal;
}

// Of a study with replicates, or with a schedule, or neither.
struct Found : OptimalConfigurations {
  OptimalLineages lineages = {};
};

absl::StatusOr<Found> Find(const ServiceContext& context, const StudyView& view,
                           const OptimalQuery& query) {
  const StudySpec& spec = *view.spec;
  Found found;
  if (IsSimple(spec, query)) {
    ASSAY_ASSIGN_OR_RETURN(
        found.optimal,
        ReadBest(context, view.study.id, spec.metrics[0].goal, query.count));
    return found;
  }
  ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> trials,
                         ReadEnded(context, view.study.id));
  ASSAY_RETURN_IF_ERROR(CheckQuery(spec, query, trials));
  if (spec.replicates > 1) {
    return Found{FindOptimalConfigurations(spec, std::move(trials), query)};
  }
  if (spec.schedule.exists()) {
    found.lineages = FindOptimalLineages(spec, std::move(trials), query);
    found.optimal = found.lineages.optimal;
    return found;
  }
  found.optimal = FindOptimal(spec, std::move(trials), query);
  return found;
}

v1::ReplicateSummary ToMessage(const ReplicateSummary& summary) {
  v1::ReplicateSummary message;
  message.set_trial_id(summary.first.id.value);
  message.set_count(summary.count);
  for (const auto& [name, value] : summary.mean.final_metrics) {
    (*message.mutable_mean())[name] = value;
  }
  for (const auto& [name, value] : summary.standard_error) {
    (*message.mutable_standard_error())[name] = value;
  }
  return message;
}

}  // namespace

absl::StatusOr<v1::OptimalResponse> AnswerOptimal(
    const ServiceContext& context, const v1::OptimalRequest& request) {
  ASSAY_ASSIGN_OR_RETURN(const StudyId id,
                         context.studies.Resolve(request.study()));
  ASSAY_ASSIGN_OR_RETURN(const OptimalQuery query, ToQuery(request));
  ASSAY_ASSIGN_OR_RETURN(const StudyView view, context.studies.Get(id));
  ASSAY_ASSIGN_OR_RETURN(const Found found, Find(context, view, query));
  const Optimal& optimal = found.optimal;
  v1::OptimalResponse response;
  response.set_metric(RankingMetric(*view.spec, query));
  response.set_knee_trial_id(optimal.knee.value);
  response.set_infeasible(optimal.infeasible);
  for (const Trial& trial : optimal.trials) {
    *response.add_trials() = ToMessage(trial, view.study.seed);
  }
  for (const ReplicateSummary& summary : found.replicates) {
    *response.add_replicates() = ToMessage(summary);
  }
  response.set_tie(found.tie);
  for (const std::vector<Trial>& runs : found.lineages.runs) {
    v1::Lineage* lineage = response.add_lineages();
    for (const Trial& run : runs) {
      *lineage->add_runs() = ToMessage(run, view.study.seed);
    }
  }
  response.set_shortfall(found.lineages.shortfall);
  return response;
}

}  // namespace assay
