#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "search/earlier_study.h"
#include "search/gp/features.h"
#include "search/gp/metric_model.h"
#include "search/strategies/observation.h"
#include "search/study.h"

namespace assay {

// Models of SIMILAR studies over this study's space, one of each objective of
// each: fitted once. Of a study's COMPLETED trials at most kMaxRows are looked
// at: half of them the best, the others spread evenly over its course.
class TransferSources {
 public:
  static constexpr int kMaxRows = 300;

  explicit TransferSources(std::shared_ptr<const StudySpec> spec);

  // Cheap: the work is done by Fit(). Leaves out a study without a result.
  void Add(const EarlierStudy& study);

  // Fits those that were added since. O(rows^3) each.
  void Fit();

  int size() const { return static_cast<int>(sources_.size()); }
  bool empty() const { return sources_.empty(); }
  const std::string& name(int s) const { return sources_[s].name; }
  // The trials that are looked at, as they ended.
  const std::vector<Observation>& trials(int s) const {
    return sources_[s].trials;
  }
  const Features& features() const { return features_; }

  // REQUIRES: Fit() since the last Add(). The processes stay where they are.
  const GaussianProcess& process(int s, int objective) const {
    return sources_[s].objectives[objective]->process();
  }
  // Of each source.
  std::vector<const GaussianProcess*> processes(int objective) const;

 private:
  struct Source {
    std::string name;
    std::vector<Observation> trials;
    std::vector<std::unique_ptr<MetricModel>> objectives;  // Empty: no fit yet.
  };
  void Fit(Source& source);

  const std::shared_ptr<const StudySpec> spec_;
  const Features features_;
  std::vector<Source> sources_;
};

}  // namespace assay
