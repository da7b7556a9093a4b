// Result<T>: a value, or an Error that says what went wrong in words for an operator.
//
// Errors: the code is for programs (one table maps it to HTTP status, OpenAI error type and exit code), the message for
// people: it names the file, field, line or offset. Tests compare codes, never messages.
// A class and not an alias of std::expected, because compilers only warn about an ignored result of a
// [[nodiscard]] class.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace beleg {

enum class ErrorCode {
  kInvalidArgument,     // input is wrong and will stay wrong
  kNotFound,            //
  kAlreadyExists,       //
  kPermissionDenied,    // the operating system, or a peer, said no
  kUnauthenticated,     // no or wrong credentials
  kResourceExhausted,   // a limit of ours, or the disk, is full: later may work
  kFailedPrecondition,  // the state of the system forbids it, e.g. a locked data folder
  kUnavailable,         // a peer or the process itself is not there now: retry
  kDeadlineExceeded,    //
  kCancelled,           //
  kDataLoss,            // bytes on disk or wire are damaged
  kUnimplemented,       //
  kInternal,            // a library failed in a way we do not know
};

// "INVALID_ARGUMENT" and so on.
std::string_view ErrorCodeName(ErrorCode code);

// 400, 404, 409, 403, 401, 429, 503, 504, 499, 500, 501 …
int HttpStatusOf(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

// return Fail(ErrorCode::kDataLoss, "{}: frame at byte {}: bad checksum", path, offset);
template <class... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// The same error with a place before its message: `return Fail(std::move(r.error()), "segment {}", id)`.
template <class... Args>
std::unexpected<Error> Fail(Error error, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected<Error>(
      Error{error.code, fmt::format(format, std::forward<Args>(args)...) + ": " + error.message});
}

}  // namespace beleg

#define BELEG_CONCAT_(a, b) a##b
#define BELEG_CONCAT(a, b) BELEG_CONCAT_(a, b)

// TRY(expr): passes an error on; the value, if any, is dropped.
#define TRY(expr)                                                                             \
  do {                                                                                        \
    auto try_result_ = (expr);                                                                \
    if (!try_result_) return std::unexpected<::beleg::Error>(std::move(try_result_).error()); \
  } while (false)

// TRY_ASSIGN(auto n, ParseSize(x)): passes an error on, else binds the value.
#define TRY_ASSIGN(target, ...) TRY_ASSIGN_(BELEG_CONCAT(try_result_, __LINE__), target, __VA_ARGS__)
#define TRY_ASSIGN_(name, target, ...)                                        \
  auto name = (__VA_ARGS__);                                                  \
  if (!name) return std::unexpected<::beleg::Error>(std::move(name).error()); \
  target = std::move(*name)

// The same two for coroutines.
#define CO_TRY(expr)                                                                             \
  do {                                                                                           \
    auto try_result_ = (expr);                                                                   \
    if (!try_result_) co_return std::unexpected<::beleg::Error>(std::move(try_result_).error()); \
  } while (false)
#define CO_TRY_ASSIGN(target, ...) CO_TRY_ASSIGN_(BELEG_CONCAT(try_result_, __LINE__), target, __VA_ARGS__)
#define CO_TRY_ASSIGN_(name, target, ...)                                        \
  auto name = (__VA_ARGS__);                                                     \
  if (!name) co_return std::unexpected<::beleg::Error>(std::move(name).error()); \
  target = std::move(*name)
