#include "storage/sqlite/statement.h"

#include <sqlite3.h>

#include <cassert>
#include <limits>
#include <utility>

#include "storage/sqlite/connection.h"

namespace assay {
namespace {

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

absl::Time FromMicros(int64_t micros) {
  return micros == kForever ? absl::InfiniteFuture()
                            : absl::FromUnixMicros(micros);
}

// SQLite takes a null pointer for NULL, whatever the size.
const char* NotNull(absl::string_view text) {
  return text.data() == nullptr ? "" : text.data();
}

}  // namespace

Statement::Statement(Connection& connection, sqlite3_stmt* statement,
                     absl::Status prepared)
    : connection_(connection),
      statement_(statement),
      prepared_(std::move(prepared)) {}

Statement::~Statement() { sqlite3_reset(statement_); }

void Statement::Bind(int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
}

void Statement::BindReal(double value) {
  sqlite3_bind_double(statement_, ++bound_, value);
}

void Statement::BindText(absl::string_view value) {
  sqlite3_bind_text64(statement_, ++bound_, NotNull(value), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::BindBlob(absl::string_view value) {
  sqlite3_bind_blob64(statement_, ++bound_, NotNull(value), value.size(),
                      SQLITE_STATIC);
}

void Statement::BindNull() { sqlite3_bind_null(statement_, ++bound_); }

void Statement::BindTime(absl::Time value) { Bind(absl::ToUnixMicros(value)); }

void Statement::BindTime(const std::optional<absl::Time>& value) {
  if (value.has_value()) {
    BindTime(*value);
  } else {
    BindNull();
  }
}

void Statement::BindDuration(absl::Duration value) {
  Bind(absl::ToInt64Microseconds(value));
}

absl::StatusOr<bool> Statement::Step() {
  if (statement_ == nullptr) return prepared_;
  assert(bound_ == sqlite3_bind_parameter_count(statement_));
  const int code = sqlite3_step(statement_);
  column_ = 0;
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_.Error(code);
}

absl::Status Statement::Run() {
  absl::StatusOr<bool> row = Step();
  assert(!row.ok() || !*row);
  return row.status();
}

bool Statement::IsNull() const {
  return sqlite3_column_type(statement_, column_) == SQLITE_NULL;
}

int64_t Statement::Int() { return sqlite3_column_int64(statement_, column_++); }

int32_t Statement::Int32() { return sqlite3_column_int(statement_, column_++); }

double Statement::Real() {
  if (IsNull()) {
    ++column_;
    return std::numeric_limits<double>::quiet_NaN();
  }
  return sqlite3_column_double(statement_, column_++);
}

absl::string_view Statement::TextView() {
  const auto* text = sqlite3_column_text(statement_, column_);
  const int size = sqlite3_column_bytes(statement_, column_++);
  return text == nullptr
             ? absl::string_view()
             : absl::string_view(reinterpret_cast<const char*>(text), size);
}

std::string Statement::Blob() {
  const void* bytes = sqlite3_column_blob(statement_, column_);
  const int size = sqlite3_column_bytes(statement_, column_++);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), size);
}

std::optional<int64_t> Statement::OptionalInt() {
  if (!IsNull()) return Int();
  ++column_;
  return std::nullopt;
}

absl::Time Statement::Time() { return FromMicros(Int()); }

std::optional<absl::Time> Statement::OptionalTime() {
  const std::optional<int64_t> micros = OptionalInt();
  if (!micros.has_value()) return std::nullopt;
  return FromMicros(*micros);
}

absl::Duration Statement::Duration() {
  const int64_t micros = Int();
  return micros == kForever ? absl::InfiniteDuration()
                            : absl::Microseconds(micros);
}

}  // namespace assay
