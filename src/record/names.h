// The words that stand in records for closed enums and types, in the order of the enum. A word is never changed or used anew.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "record/audit_record.h"

namespace beleg::record {

template <class Enum>
constexpr std::array<std::string_view, 0> kNames;

template <>
inline constexpr std::array<std::string_view, 2> kNames<Operation> = {"chat", "text_completion"};

template <>
inline constexpr std::array<std::string_view, 3> kNames<Outcome> = {"ok", "failed", "cancelled"};

template <>
inline constexpr std::array<std::string_view, 12> kNames<ErrorType> = {"",
                                                                       "invalid_request",
                                                                       "model_not_found",
                                                                       "context_length_exceeded",
                                                                       "request_too_large",
                                                                       "rate_limited",
                                                                       "forbidden",
                                                                       "engine_error",
                                                                       "timeout",
                                                                       "client_disconnected",
                                                                       "server_shutdown",
                                                                       "upstream_error"};

template <>
inline constexpr std::array<std::string_view, 16> kNames<Body> = {
    "request", "refused",    "lost", "boot",  "shutdown", "heartbeat", "model",     "config",
    "key",     "unrecorded", "read", "prune", "hold",     "erasure",   "reconcile", "review"};

// Names of settings: printable ASCII in which JSON escapes nothing, so that bytes sort as RFC 8785 wants.
constexpr bool IsSettingName(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\\'; });
}

static_assert(kNames<Operation>.size() == static_cast<size_t>(Operation::kTextCompletion) + 1);
static_assert(kNames<Outcome>.size() == static_cast<size_t>(Outcome::kCancelled) + 1);
static_assert(kNames<ErrorType>.size() == static_cast<size_t>(ErrorType::kUpstream) + 1);
static_assert(kNames<Body>.size() == std::variant_size_v<Body>);

}  // namespace beleg::record
