#include "client/cli/study_export.h"

namespace assay {

absl::StatusOr<ExportedStudy> FetchStudy(const Connection& connection,
                                         const std::string& study) {
  v1::ExportStudyRequest request;
  request.set_study(study);
  grpc::ClientContext call;
  const auto stream = connection.studies().Export(&call, request);
  ExportedStudy exported;
  v1::ExportStudyResponse page;
  while (stream->Read(&page)) {
    if (page.has_study()) exported.study = page.study();
    exported.trials.insert(exported.trials.end(), page.trials().begin(),
                           page.trials().end());
  }
  const absl::Status status = ToAbslStatus(stream->Finish());
  if (!status.ok()) return connection.Explain(status);
  return exported;
}

}  // namespace assay
