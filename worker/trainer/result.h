#pragma once

#include <string>
#include <utility>
#include <variant>

namespace assay {

// The trainer does without Abseil (an official LibTorch may have another ABI),
// so it has its own small relative of absl::StatusOr.
enum class ErrorKind {
  kConfiguration,  // The user's mistake; trying again cannot help. Exit
                   // code 78.
  kFailure,        // Anything else: a file that cannot be read, say.
};

struct Error {
  ErrorKind kind = ErrorKind::kFailure;
  std::string message;  // Names the thing, its value and what is allowed.
};

inline Error BadConfiguration(std::string message) {
  return {ErrorKind::kConfiguration, std::move(message)};
}

inline Error Failure(std::string message) {
  return {ErrorKind::kFailure, std::move(message)};
}

// A value, or why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` is the point.
  Result(T value) : value_or_error_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : value_or_error_(std::move(error)) {}

  bool ok() const { return std::holds_alternative<T>(value_or_error_); }
  const Error& error() const { return std::get<Error>(value_or_error_); }
  const T& operator*() const { return std::get<T>(value_or_error_); }
  T& operator*() { return std::get<T>(value_or_error_); }
  const T* operator->() const { return &**this; }
  T* operator->() { return &**this; }

 private:
  std::variant<T, Error> value_or_error_;
};

// Of a function that gives nothing but may fail.
using Done = Result<std::monostate>;

inline Done Success() { return std::monostate(); }

}  // namespace assay

#define TRAINER_CONCAT_INNER_(a, b) a##b
#define TRAINER_CONCAT_(a, b) TRAINER_CONCAT_INNER_(a, b)

// Returns from the calling function if `expr`, a Result, is an error.
#define TRAINER_RETURN_IF_ERROR(expr)                                 \
  do {                                                                \
    if (auto result_ = (expr); !result_.ok()) return result_.error(); \
  } while (false)

// Assigns the value of `expr`, a Result<T>, to `lhs`, or returns its error.
#define TRAINER_ASSIGN_OR_RETURN(lhs, expr) \
  TRAINER_ASSIGN_OR_RETURN_(TRAINER_CONCAT_(result_, __LINE__), lhs, expr)
#define TRAINER_ASSIGN_OR_RETURN_(result, lhs, expr) \
  auto result = (expr);                              \
  if (!result.ok()) return result.error();           \
  lhs = std::move(*result)
