#include "store/holds.h"

#include <algorithm>

#include "base/log.h"
#include "io/durable.h"
#include "record/request_id.h"

namespace beleg::store {
namespace {

using wire::Json;

constexpr size_t kFileBytesMax = 4 << 20;
constexpr size_t kNameBytesMax = 100, kOriginBytesMax = 1'024;
constexpr int64_t kIntMax = (int64_t{1} << 53) - 1;  // of a record
// Records stand nearly in the order of their times.
constexpr int64_t kDisorderMicros = 60'000'000;

// It stands in paths.
bool IsHoldName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::ranges::all_of(name, plain);
}

Result<int64_t> IntOf(const Json& json, std::string_view name) {
  const Json* value = json.Find(name);
  if (value == nullptr) return 0;
  if (!value->is_int() || value->as_int() < 0 || value->as_int() > kIntMax)
    return Fail(ErrorCode::kInvalidArgument, "{}: want a whole number from 0 to 2^53 - 1", name);
  return value->as_int();
}

Result<std::string> TextOf(const Json& json, std::string_view name, size_t bytes_max) {
  const Json* value = json.Find(name);
  if (value == nullptr) return std::string();
  if (!value->is_string() || value->as_string().size() > bytes_max)
    return Fail(ErrorCode::kInvalidArgument, "{}: want a text of at most {} bytes", name, bytes_max);
  return value->as_string();
}

// Which kind of hold it is, and that it is one.
Result<void> CheckKind(const record::Hold& hold) {
  const bool by_time = hold.from_us != 0 || hold.to_us != 0;
  const bool by_leaves = hold.first_index != 0 || hold.end_index != 0;
  if (hold.request_id != RequestId{} && (by_time || by_leaves || !hold.origin.empty()))
    return Fail(ErrorCode::kInvalidArgument, "request_id: stands alone, it says origin and leaf");
  if (by_time && by_leaves)
    return Fail(ErrorCode::kInvalidArgument, "first_index: by time or by leaves, not both");
  if (by_leaves && hold.origin.empty())
    return Fail(ErrorCode::kInvalidArgument, "origin: of which log are these leaves?");
  if (hold.to_us != 0 && hold.to_us < hold.from_us)
    return Fail(ErrorCode::kInvalidArgument, "to_us: before from_us");
  if (hold.end_index != 0 && hold.end_index <= hold.first_index)
    return Fail(ErrorCode::kInvalidArgument, "end_index: not above first_index");
  return {};
}

// SQL over `records`: which of them are of the hold.
std::string ClauseOf(const record::Hold& hold) {
  std::string out = "true";
  if (!hold.origin.empty()) {
    std::string quoted;
    for (const char c : hold.origin) quoted.append(c == '\'' ? 2 : 1, c);
    out += fmt::format(" AND origin = '{}'", quoted);
  }
  if (hold.from_us != 0) out += fmt::format(" AND time_us >= {}", hold.from_us);
  if (hold.to_us != 0) out += fmt::format(" AND time_us <= {}", hold.to_us);
  if (hold.first_index != 0) out += fmt::format(" AND leaf_index >= {}", hold.first_index);
  if (hold.end_index != 0) out += fmt::format(" AND leaf_index < {}", hold.end_index);
  return out;
}

Result<PlacedHold> ReadPlaced(const Json& json) {
  PlacedHold out;
  TRY_ASSIGN(out.hold, ReadHold(json));
  out.hold.action = "set";
  TRY_ASSIGN(out.hold.items, IntOf(json, "items"));
  TRY_ASSIGN(out.set_us, IntOf(json, "set_us"));
  if (json.Find("record_index") == nullptr) return out;
  TRY_ASSIGN(const int64_t index, IntOf(json, "record_index"));
  out.record_index = static_cast<uint64_t>(index);
  return out;
}

// Those of the file, by name. None when it is not there.
Result<std::map<std::string, PlacedHold>> ReadHoldsFile(io::FileSystem& fs, const std::string& path) {
  std::map<std::string, PlacedHold> out;
  TRY_ASSIGN(bool there, fs.Exists(path));
  if (!there) return out;
  TRY_ASSIGN(std::string text, io::ReadFile(fs, path, kFileBytesMax));
  auto json = Json::Parse(text);
  if (!json || !json->is_array()) return Fail(ErrorCode::kDataLoss, "{}: no list of holds", path);
  for (const Json& item : json->as_array()) {
    auto placed = ReadPlaced(item);
    if (!placed) return Fail(ErrorCode::kDataLoss, "{}: {}", path, placed.error().message);
    const std::string name = placed->hold.name;
    out[name] = *std::move(placed);
  }
  return out;
}

}  // namespace

Json JsonOf(const PlacedHold& placed) {
  const record::Hold& hold = placed.hold;
  Json out = Json::MakeObject({{"name", hold.name}});
  if (!hold.origin.empty()) out.Set("origin", hold.origin);
  if (hold.from_us != 0) out.Set("from_us", hold.from_us);
  if (hold.to_us != 0) out.Set("to_us", hold.to_us);
  if (hold.first_index != 0) out.Set("first_index", hold.first_index);
  if (hold.end_index != 0) out.Set("end_index", hold.end_index);
  if (hold.request_id != RequestId{}) out.Set("request_id", hold.request_id.Hex());
  out.Set("items", hold.items);
  out.Set("set_us", placed.set_us);
  if (placed.record_index) out.Set("record_index", *placed.record_index);
  return out;
}

Result<record::Hold> ReadHold(const Json& json) {
  if (!json.is_object()) return Fail(ErrorCode::kInvalidArgument, "want an object");
  record::Hold out;
  TRY_ASSIGN(out.name, TextOf(json, "name", kNameBytesMax));
  if (!IsHoldName(out.name))
    return Fail(ErrorCode::kInvalidArgument,
                "name: want 1 to {} letters, digits, '-', '_', '.', not '.' first", kNameBytesMax);
  TRY_ASSIGN(out.origin, TextOf(json, "origin", kOriginBytesMax));
  TRY_ASSIGN(out.from_us, IntOf(json, "from_us"));
  TRY_ASSIGN(out.to_us, IntOf(json, "to_us"));
  TRY_ASSIGN(const int64_t first, IntOf(json, "first_index"));
  TRY_ASSIGN(const int64_t end, IntOf(json, "end_index"));
  out.first_index = static_cast<uint64_t>(first);
  out.end_index = static_cast<uint64_t>(end);
  TRY_ASSIGN(const std::string request_id, TextOf(json, "request_id", kNameBytesMax));
  if (request_id.empty()) return out;
  auto id = record::ParseRequestId(request_id);
  if (!id) return Fail(std::move(id.error()), "request_id");
  out.request_id = *id;
  return out;
}

Result<std::unique_ptr<Holds>> Holds::Open(Options options, Store& store) {
  if (options.fs == nullptr) options.fs = &io::PosixFileSystem();
  std::unique_ptr<Holds> holds(new Holds(std::move(options), store));
  TRY(holds->Load());
  return holds;
}

Result<void> Holds::CheckNoneSet(io::FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(const auto set, ReadHoldsFile(fs, path));
  if (set.empty()) return {};
  return Fail(ErrorCode::kFailedPrecondition, "{}: {} holds are set, {} first", path, set.size(),
              set.begin()->first);
}

Result<void> Holds::Load() {
  MutexLock lock(mutex_);
  TRY_ASSIGN(holds_, ReadHoldsFile(*options_.fs, options_.path));
  for (auto& [name, placed] : holds_)
    if (!placed.record_index) TRY(Record(placed));
  return {};
}

Result<PlacedHold> Holds::Set(record::Hold hold) {
  TRY(CheckKind(hold));
  TRY(Resolve(hold));
  hold.action = "set";
  TRY_ASSIGN(hold.items, Count(hold));
  MutexLock lock(mutex_);
  TRY(disk_.Check());
  if (holds_.contains(hold.name))
    return Fail(ErrorCode::kAlreadyExists, "a hold {} is set already", hold.name);
  if (holds_.size() >= kHoldsMax) return Fail(ErrorCode::kResourceExhausted, "{} holds are set", kHoldsMax);
  const std::string name = hold.name;
  PlacedHold& placed = holds_[name];
  placed = {std::move(hold), clock().UnixMicros(), std::nullopt};
  Result<void> done = Save();
  if (done) done = Record(placed);
  if (done) return placed;
  // Not on record, so it must not count; a file that still names it is put on record at the next start.
  holds_.erase(name);
  if (auto undone = Save(); !undone)
    LOG_ERROR("store.hold_in_the_file", F("name", name), F("why", undone.error().message));
  return std::unexpected<Error>(done.error());
}

// What the order leaves to us: where the request is; that the log is here at all, since a mistyped name would hold nothing.
Result<void> Holds::Resolve(record::Hold& hold) const {
  if (hold.request_id != RequestId{}) {
    TRY_ASSIGN(const Store::RecordPlace place, store_.FindRecord(hold.request_id));
    hold.origin = place.origin;
    hold.first_index = place.index;
    hold.end_index = place.index + 1;
  }
  if (hold.origin.empty() || store_.NextLeaf(hold.origin) > 0) return {};
  return Fail(ErrorCode::kNotFound, "origin: no records of {} are here", hold.origin);
}

Result<PlacedHold> Holds::Release(const std::string& name) {
  MutexLock lock(mutex_);
  TRY(disk_.Check());
  const auto found = holds_.find(name);
  if (found == holds_.end()) return Fail(ErrorCode::kNotFound, "no hold {} is set", name);
  PlacedHold released = found->second;
  released.hold.action = "released";
  TRY_ASSIGN(released.hold.items, Count(released.hold));
  TRY_ASSIGN(released.record_index, options_.log->Append(released.hold));
  auto kept = holds_.extract(found);
  auto saved = Save();
  if (saved) return released;
  holds_.insert(std::move(kept));
  return Fail(std::move(saved.error()),
              "its release is on record, and it is still in force: release it again");
}

std::vector<PlacedHold> Holds::List() const {
  MutexLock lock(mutex_);
  std::vector<PlacedHold> out;
  for (const auto& [name, placed] : holds_) out.push_back(placed);
  return out;
}

Result<std::vector<HeldLeaves>> Holds::HeldIn(const std::string& origin) const {
  TRY(disk_.Check());
  std::vector<HeldLeaves> out;
  for (const PlacedHold& placed : List()) {
    if (!placed.hold.origin.empty() && placed.hold.origin != origin) continue;
    TRY_ASSIGN(auto held, Place(placed.hold, origin));
    if (held) out.push_back(*std::move(held));
  }
  return out;
}

Result<int64_t> Holds::Count(const record::Hold& hold) const {
  TRY_ASSIGN(const Json table, store_.Sql("SELECT count(*) FROM records WHERE " + ClauseOf(hold), 1));
  return table.Find("rows")->as_array().at(0).as_array().at(0).as_int();
}

// Leaves that the store has not read yet may be of a time that is not over in what it has read.
Result<std::optional<HeldLeaves>> Holds::Place(const record::Hold& hold, const std::string& origin) const {
  HeldLeaves out{hold.name, hold.first_index, std::nullopt};
  if (hold.end_index != 0) out.end = hold.end_index;
  if (hold.from_us == 0 && hold.to_us == 0) return out;
  record::Hold of_log = hold;
  of_log.origin = origin;
  record::Hold all;
  all.origin = origin;
  const uint64_t next = store_.NextLeaf(origin);
  TRY_ASSIGN(const Json table,
             store_.Sql(fmt::format("SELECT min(leaf_index) FILTER ({0}), max(leaf_index) FILTER ({0}), "
                                    "max(time_us) FROM records WHERE {1}",
                                    ClauseOf(of_log), ClauseOf(all)),
                        1));
  const Json::Array& row = table.Find("rows")->as_array().at(0).as_array();
  const bool is_over = hold.to_us != 0 && row[2].is_int() && row[2].as_int() > hold.to_us + kDisorderMicros;
  if (row[0].is_null() && is_over) return std::nullopt;
  out.first = row[0].is_null() ? next : static_cast<uint64_t>(row[0].as_int());
  if (is_over) out.end = static_cast<uint64_t>(row[1].as_int()) + 1;
  return out;
}

// A file that lacks the index for want of room means that the next start says it again, no more.
Result<void> Holds::Record(PlacedHold& placed) {
  TRY_ASSIGN(placed.record_index, options_.log->Append(placed.hold));
  auto saved = Save();
  if (saved || !MayHeal(saved.error())) return saved;
  LOG_WARN("store.hold_index_not_kept", F("name", placed.hold.name), F("why", saved.error().message));
  return {};
}

Result<void> Holds::Save() {
  TRY(disk_.Check());
  Json::Array list;
  for (const auto& [name, placed] : holds_) list.push_back(JsonOf(placed));
  return disk_.Judge(io::WriteFileDurably(*options_.fs, options_.path, Json(std::move(list)).Dump() + "\n"));
}

}  // namespace beleg::store
