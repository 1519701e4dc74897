#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the calling function if `expr`, an absl::Status, is not OK.
#define ASSAY_RETURN_IF_ERROR(expr)                   \
  do {                                                \
    if (absl::Status error_ = (expr); !error_.ok()) { \
      return error_;                                  \
    }                                                 \
  } while (false)

// Assigns the value of `expr`, an absl::StatusOr<T>, to `lhs`, or returns its
// error: ASSAY_ASSIGN_OR_RETURN(Trial trial, transaction.GetTrial(id));
#define ASSAY_ASSIGN_OR_RETURN(lhs, expr) \
  ASSAY_ASSIGN_OR_RETURN_(ASSAY_CONCAT_(or_value_, __LINE__), lhs, expr)
#define ASSAY_ASSIGN_OR_RETURN_(or_value, lhs, expr) \
  auto or_value = (expr);                            \
  if (!or_value.ok()) return or_value.status();      \
  lhs = *std::move(or_value)
#define ASSAY_CONCAT_(a, b) ASSAY_CONCAT_INNER_(a, b)
#define ASSAY_CONCAT_INNER_(a, b) a##b
