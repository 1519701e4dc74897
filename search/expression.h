#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "search/parameter.h"

namespace assay {

// The one small language of input constraints and of List's filters:
//
//   width * depth <= 4096
//   optimizer != 'sgd' or momentum > 0
//   state == 'COMPLETED' and accuracy >= 0.9 and not (lr < 1e-4)
//
// or > and > not > comparison (== != < <= > >=, not chained) > + - > * / % >
// unary - > names, numbers, 'text' or "text", true, false, parentheses, and
// the functions abs, log, exp, sqrt, min, max. Names may hold letters, digits,
// _ and dots; others are written in backquotes. Numbers are doubles. A name
// without a value (an inactive parameter) makes its comparison unknown, as NULL
// does in SQL; when the whole is unknown, `Missing` decides: true for a
// constraint, false for a filter.
class Expression {
 public:
  static constexpr int kMaxBytes = 4096;
  static constexpr int kMaxDepth = 64;  // Of parentheses, not, minus, calls.

  enum class Missing { kTrue, kFalse };

  // nullptr if the name has no value here.
  using Lookup = absl::FunctionRef<const ParameterValue*(const std::string&)>;

  // InvalidArgument with the column and what was expected there; also if a
  // part is used as what it cannot be ("1 and 2": a number is no condition).
  static absl::StatusOr<Expression> Parse(const std::string& text);

  // Comparing text with a number, or arithmetic on text, is false.
  bool Evaluate(Lookup lookup, Missing missing) const;

  const std::string& text() const { return text_; }
  const std::vector<std::string>& names() const { return names_; }

  struct Node;  // Immutable, hence shared by copies.

 private:
  Expression(std::string text, std::shared_ptr<const Node> root,
             std::vector<std::string> names);

  std::string text_;
  std::shared_ptr<const Node> root_;
  std::vector<std::string> names_;  // Sorted, each once.
};

}  // namespace assay
