#pragma once

#include <string>

#include "search/expression.h"
#include "search/parameter.h"
#include "search/trial.h"

namespace assay {

// What an expression sees of a trial: id, number, state ('COMPLETED'),
// attempts, last_step, strategy and replicate first, then its parameters, then
// its final metrics.
class TrialFields {
 public:
  // `trial` must outlive this.
  explicit TrialFields(const Trial& trial);

  // nullptr if there is no such name.
  const ParameterValue* Find(const std::string& name) const;

  // True for the names that each trial has.
  static bool IsOwn(const std::string& name);

 private:
  const Trial& trial_;
  Parameters own_;
  Parameters metrics_;
};

// False also if it is unknown: a name has no value here.
bool Passes(const Expression& filter, const Trial& trial);

}  // namespace assay
