// Records on hold, as the audit host's store has them (docs/api/store.md): set, listed, lifted.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "wire/json.h"

namespace beleg::audit {

struct StorePeer {
  std::string url = "http://127.0.0.1:3301", api_key{};
};

// One request, or a log (or all logs) as far as times or leaves go; 0 and "": no such limit. The store judges it.
struct HoldOrder {
  std::string name, request_id{}, origin{};
  std::string from{}, to{};  // "2026-11-24", or with a time "2026-11-24T09:12:03Z"; a day as `to` is its end
  uint64_t first_index = 0, end_index = 0;
};

// The hold as the store has it, with the index of its record in the audit host's log. kInvalidArgument: a time that is none.
Result<wire::Json> SetHold(const StorePeer& store, const HoldOrder& order);
Result<wire::Json> LiftHold(const StorePeer& store, const std::string& name);
// {"holds": […]}
Result<wire::Json> ListHolds(const StorePeer& store);

// One line: "case-17: 1893 records of LOG from 2026-11-01T00:00:00Z".
std::string RenderHold(const wire::Json& hold);

// Unix microseconds; 0 for "". A day is its first moment, or with end_of_day its last microsecond.
Result<int64_t> ParseMoment(std::string_view text, bool end_of_day);

}  // namespace beleg::audit
