#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct sqlite3_stmt;

namespace assay {

class Connection;

// One use of a prepared statement: bind every parameter in its order, step,
// read every column in its order. Bound texts are not copied: they must live
// until the last step. Reset when it goes out of scope.
class Statement {
 public:
  // `statement` nullptr: it could not be prepared, and every step says
  // `prepared`. `connection` must outlive this.
  Statement(Connection& connection, sqlite3_stmt* statement,
            absl::Status prepared);
  ~Statement();

  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void Bind(int64_t value);
  void BindReal(double value);  // NaN becomes NULL, and back.
  void BindText(absl::string_view value);
  void BindBlob(absl::string_view value);
  void BindNull();
  void BindTime(absl::Time value);  // Microseconds since 1970.
  void BindTime(const std::optional<absl::Time>& value);
  void BindDuration(absl::Duration value);  // Microseconds.

  // True: a row can be read. False: no more of them.
  absl::StatusOr<bool> Step();

  // Of a statement without rows.
  absl::Status Run();

  int64_t Int();
  int32_t Int32();
  double Real();
  std::string Text() { return std::string(TextView()); }
  std::string Blob();
  // Valid until the next step.
  absl::string_view TextView();
  std::optional<int64_t> OptionalInt();
  absl::Time Time();
  std::optional<absl::Time> OptionalTime();
  absl::Duration Duration();

 private:
  bool IsNull() const;

  Connection& connection_;
  sqlite3_stmt* const statement_;
  const absl::Status prepared_;
  int bound_ = 0;
  int column_ = 0;
};

}  // namespace assay
