#include "store/origin_manifest.h"

#include <algorithm>
#include <chrono>

#include "base/utc_day.h"
#include "wire/json.h"

namespace beleg::store {
namespace {

using Kind = LedgerFinding::Kind;
using wire::Json;

constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;
constexpr std::string_view kChange = "manifest_change", kRemoved = "removed";
constexpr size_t kVkeyBytesMax = 1'024;  // it stands in records

// As its first moment.
Result<int64_t> ParseDay(std::string_view text) {
  const auto day = ParseUtcDay(text);
  if (!day) return Fail(ErrorCode::kInvalidArgument, "\"{}\" is no day, want YYYY-MM-DD", text);
  return day->time_since_epoch().count() * kDayMicros;
}

std::string DayText(int64_t unix_us) {
  return FormatUtcDay(std::chrono::sys_days(std::chrono::days(unix_us / kDayMicros)));
}

Result<std::string> TextOf(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  if (value == nullptr || !value->is_string())
    return Fail(ErrorCode::kInvalidArgument, "{}: want a text", name);
  return value->as_string();
}

Result<int64_t> DayOf(const Json& object, std::string_view name) {
  TRY_ASSIGN(std::string text, TextOf(object, name));
  auto day = ParseDay(text);
  if (!day) return Fail(day.error(), "{}", name);
  return day;
}

Result<OriginManifest::Origin> ParseOrigin(const Json& json) {
  if (!json.is_object()) return Fail(ErrorCode::kInvalidArgument, "want an object");
  for (const auto& [name, value] : json.as_object())
    if (name != "vkey" && name != "opened" && name != "closed")
      return Fail(ErrorCode::kInvalidArgument, "{}: not known", name);
  OriginManifest::Origin out;
  TRY_ASSIGN(out.vkey, TextOf(json, "vkey"));
  if (out.vkey.size() > kVkeyBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "vkey: longer than {} bytes", kVkeyBytesMax);
  TRY_ASSIGN(out.opened_unix_us, DayOf(json, "opened"));
  if (json.Find("closed") != nullptr) {
    TRY_ASSIGN(int64_t last_day, DayOf(json, "closed"));
    out.closed_unix_us = last_day + kDayMicros;
  }
  return out;
}

// As the manifest has it.
std::map<std::string, std::string> MembersOf(const OriginManifest::Origin* origin) {
  if (origin == nullptr) return {};
  std::map<std::string, std::string> out = {{"vkey", origin->vkey},
                                            {"opened", DayText(origin->opened_unix_us)}};
  if (origin->closed_unix_us != INT64_MAX) out["closed"] = DayText(origin->closed_unix_us - kDayMicros);
  return out;
}

std::string_view NameOfChange(const OriginManifest::Origin* before, const OriginManifest::Origin* after) {
  if (before == nullptr) return "opened";
  if (after == nullptr) return kRemoved;
  if (before->closed_unix_us == after->closed_unix_us) return "changed";
  return after->closed_unix_us == INT64_MAX ? "reopened" : "closed";
}

record::Config ChangeOf(const std::string& name, const OriginManifest::Origin* before,
                        const OriginManifest::Origin* after) {
  record::Config out;
  out.settings = {{std::string(kChange), std::string(NameOfChange(before, after))},
                  {"manifest_origin", name}};
  const auto was = MembersOf(before), is = MembersOf(after);
  for (const auto& [member, value] : is) out.settings["manifest_" + member] = value;
  for (const auto& [member, value] : was)
    if (auto now = is.find(member); now == is.end() || now->second != value)
      out.settings["manifest_" + member + "_before"] = value;
  return out;
}

void AddManifestFindings(const OriginManifest& manifest, const MirrorState& mirror,
                         std::vector<LedgerFinding>& out) {
  if (mirror.origin.empty()) return;  // not reached yet: the manifest's side tells
  const auto expected = manifest.origins().find(mirror.origin);
  if (expected == manifest.origins().end()) {
    out.push_back(
        {Kind::kUnknown, mirror.origin, fmt::format("{} is mirrored and stands in no manifest", mirror.url)});
    return;
  }
  if (expected->second.vkey != mirror.vkey)
    out.push_back(
        {Kind::kOtherKey, mirror.origin,
         fmt::format("mirrored under key {}, the manifest has {}", mirror.vkey, expected->second.vkey)});
  if (mirror.size > 0 && mirror.grew_unix_us >= expected->second.closed_unix_us)
    out.push_back(
        {Kind::kClosed, mirror.origin, fmt::format("closed, and grew to {} leaves after that", mirror.size)});
}

bool MayBeQuiet(const OriginManifest* manifest, const std::string& origin, int64_t now_unix_us) {
  if (manifest == nullptr) return false;
  const auto found = manifest->origins().find(origin);
  return found != manifest->origins().end() &&
         (now_unix_us < found->second.opened_unix_us || now_unix_us >= found->second.closed_unix_us);
}

}  // namespace

std::string_view NameOf(LedgerFinding::Kind kind) {
  switch (kind) {
    case Kind::kRewritten: return "rewritten";
    case Kind::kSilent: return "silent";
    case Kind::kNotMirrored: return "not_mirrored";
    case Kind::kUnknown: return "unknown";
    case Kind::kOtherKey: return "other_key";
    case Kind::kClosed: return "closed";
    case Kind::kManifest: return "manifest";
  }
  return "";
}

Result<OriginManifest> OriginManifest::Parse(std::string_view text) {
  TRY_ASSIGN(Json json, Json::Parse(text));
  const Json* list = json.is_object() ? json.Find("origins") : nullptr;
  if (list == nullptr || !list->is_array()) return Fail(ErrorCode::kInvalidArgument, "origins: want a list");
  OriginManifest out;
  for (size_t i = 0; i < list->as_array().size(); ++i) {
    auto origin = ParseOrigin(list->as_array()[i]);
    if (!origin) return Fail(origin.error(), "origins[{}]", i);
    auto key = verify::ParseVerifierKey(origin->vkey);
    if (!key) return Fail(key.error(), "origins[{}]", i);
    if (!out.origins_.emplace(key->name, *std::move(origin)).second)
      return Fail(ErrorCode::kInvalidArgument, "origins[{}]: {} stands there twice", i, key->name);
  }
  return out;
}

Result<void> OriginManifest::Apply(const record::Config& change) {
  const auto name = change.settings.find("manifest_origin");
  if (name == change.settings.end()) return Fail(ErrorCode::kInvalidArgument, "manifest_origin: missing");
  if (change.settings.at(std::string(kChange)) == kRemoved) {
    origins_.erase(name->second);
    return {};
  }
  Json listed = Json::MakeObject({});
  for (const std::string member : {"vkey", "opened", "closed"})
    if (auto value = change.settings.find("manifest_" + member); value != change.settings.end())
      listed.Set(member, value->second);
  auto origin = ParseOrigin(listed);
  if (!origin) return Fail(std::move(origin.error()), "manifest_");
  origins_[name->second] = *std::move(origin);
  return {};
}

bool IsManifestChange(const record::Config& config) { return config.settings.contains(std::string(kChange)); }

Json JsonOf(const OriginManifest& manifest) {
  Json::Array list;
  for (const auto& [name, origin] : manifest.origins()) {
    Json listed = Json::MakeObject({});
    for (const auto& [member, value] : MembersOf(&origin)) listed.Set(member, value);
    list.push_back(std::move(listed));
  }
  return Json::MakeObject({{"origins", std::move(list)}});
}

std::vector<record::Config> ChangesOf(const OriginManifest& before, const OriginManifest& after) {
  std::map<std::string, std::pair<const OriginManifest::Origin*, const OriginManifest::Origin*>> both;
  for (const auto& [name, origin] : before.origins()) both[name].first = &origin;
  for (const auto& [name, origin] : after.origins()) both[name].second = &origin;
  std::vector<record::Config> out;
  for (const auto& [name, pair] : both) {
    const auto [was, is] = pair;
    if (was == nullptr || is == nullptr || *was != *is) out.push_back(ChangeOf(name, was, is));
  }
  return out;
}

std::vector<LedgerFinding> FindingsOf(const OriginManifest* manifest, const std::vector<MirrorState>& mirrors,
                                      int64_t now_unix_us) {
  std::vector<LedgerFinding> out;
  for (const MirrorState& mirror : mirrors) {
    if (mirror.diverged) out.push_back({Kind::kRewritten, mirror.origin, mirror.problem});
    if (manifest != nullptr) AddManifestFindings(*manifest, mirror, out);
    if (mirror.silent && !MayBeQuiet(manifest, mirror.origin, now_unix_us))
      out.push_back({Kind::kSilent, mirror.origin,
                     fmt::format("{} has not grown for {} s", mirror.url,
                                 (now_unix_us - mirror.grew_unix_us) / 1'000'000)});
  }
  if (manifest == nullptr) return out;
  for (const auto& [name, origin] : manifest->origins()) {
    if (MayBeQuiet(manifest, name, now_unix_us)) continue;
    const bool mirrored =
        std::ranges::any_of(mirrors, [&](const MirrorState& mirror) { return mirror.origin == name; });
    if (!mirrored) out.push_back({Kind::kNotMirrored, name, "must be writing, and is not mirrored here"});
  }
  return out;
}

}  // namespace beleg::store
