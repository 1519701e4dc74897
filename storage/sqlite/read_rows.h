#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/status_macros.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/statement.h"

namespace assay {

// What every query ends with: its rows become values.

inline constexpr char kNoRow[] = "not found";

// The rows of a list, each read by `read`, which returns T or StatusOr<T>.
template <class T, class Read>
absl::StatusOr<std::vector<T>> ReadAll(Statement& statement, Read read) {
  std::vector<T> rows;
  for (;;) {
    ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return rows;
    absl::StatusOr<T> value = read(statement);
    if (!value.ok()) return value.status();
    rows.push_back(*std::move(value));
  }
}

template <class T, class Read>
absl::StatusOr<std::optional<T>> ReadOptional(Statement& statement, Read read) {
  ASSAY_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return std::optional<T>();
  absl::StatusOr<T> value = read(statement);
  if (!value.ok()) return value.status();
  return std::optional<T>(*std::move(value));
}

// NotFound, naming the row by `what`, if there is none.
template <class T, class Read, class... What>
absl::StatusOr<T> ReadOne(Statement& statement, Read read,
                          const What&... what) {
  absl::StatusOr<std::optional<T>> row = ReadOptional<T>(statement, read);
  if (!row.ok()) return Named(row.status(), what...);
  if (!row->has_value()) return Named(absl::NotFoundError(kNoRow), what...);
  return **std::move(row);
}

// NotFound if it changed nothing.
template <class... What>
absl::Status RunOnOneRow(Connection& connection, Statement& statement,
                         const What&... what) {
  ASSAY_RETURN_IF_ERROR(Named(statement.Run(), what...));
  if (connection.Changes() > 0) return absl::OkStatus();
  return Named(absl::NotFoundError(kNoRow), what...);
}

}  // namespace assay
