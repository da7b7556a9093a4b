// /api/holds: records that no prune may take; and where they lie in a log, for the prune of the host that wrote it.
#include "query/holds.h"

#include "query/answers.h"
#include "query/query_api.h"

namespace beleg::query {
namespace {

using wire::Json;

constexpr std::string_view kHoldsPath = "/api/holds";
constexpr std::string_view kHeldLeavesEnd = "/holds";

}  // namespace

bool IsHoldsPath(std::string_view path) {
  return path == kHoldsPath || path.starts_with(fmt::format("{}/", kHoldsPath));
}

bool IsHeldLeavesPath(std::string_view path) {
  return path.size() >= store::kMirrorPrefix.size() + kHeldLeavesEnd.size() &&
         path.starts_with(store::kMirrorPrefix) && path.ends_with(kHeldLeavesEnd);
}

net::HttpResponse QueryApi::HandleHolds(const net::HttpRequest& request) {
  const std::string_view path = request.path();
  if (options_.holds == nullptr)
    return ErrorAnswer({ErrorCode::kNotFound, "this store keeps no log of its own, so it takes no holds"});
  if (path == kHoldsPath && request.method == "POST") return SetHold(request);
  if (path == kHoldsPath) {
    if (request.method != "GET") return WrongMethod("GET, POST");
    Json::Array list;
    for (const store::PlacedHold& placed : options_.holds->List()) list.push_back(JsonOf(placed));
    return JsonAnswer(Json::MakeObject({{"holds", std::move(list)}}));
  }
  if (request.method != "DELETE") return WrongMethod("DELETE");
  WaitVisible();  // the count of what it held is on record
  auto released = options_.holds->Release(std::string(path.substr(kHoldsPath.size() + 1)));
  return released ? JsonAnswer(JsonOf(*released)) : ErrorAnswer(released.error());
}

net::HttpResponse QueryApi::SetHold(const net::HttpRequest& request) {
  auto json = Json::Parse(request.body);
  if (!json) return ErrorAnswer(json.error(), "body");
  auto hold = store::ReadHold(*json);
  if (!hold) return ErrorAnswer(hold.error(), "body");
  WaitVisible();
  auto placed = options_.holds->Set(*std::move(hold));
  return placed ? JsonAnswer(JsonOf(*placed)) : ErrorAnswer(placed.error(), "body");
}

net::HttpResponse QueryApi::HeldLeaves(std::string_view path) {
  // Not an empty list: the one who asks would prune what an audit host does hold.
  if (options_.holds == nullptr)
    return ErrorAnswer({ErrorCode::kUnimplemented,
                        "this store runs without a log of its own, so it keeps no holds "
                        "and cannot say what is on hold"});
  path.remove_prefix(store::kMirrorPrefix.size());
  path.remove_suffix(kHeldLeavesEnd.size());
  WaitVisible();
  const store::Mirror* mirror = mirror_api_.Find(path);
  if (mirror == nullptr) return ErrorAnswer({ErrorCode::kNotFound, "no log of this name is mirrored here"});
  auto held = options_.holds->HeldIn(mirror->state().origin);
  if (!held) return ErrorAnswer(held.error());
  Json::Array list;
  for (const store::HeldLeaves& leaves : *held) {
    Json item = Json::MakeObject({{"name", leaves.name}, {"first_index", leaves.first}});
    if (leaves.end) item.Set("end_index", *leaves.end);
    list.push_back(std::move(item));
  }
  return JsonAnswer(Json::MakeObject({{"holds", std::move(list)}}));
}

}  // namespace beleg::query
