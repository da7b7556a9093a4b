#include "witness/known_logs.h"

#include <algorithm>

namespace beleg::witness {
namespace {

constexpr std::string_view kListHeader = "logs/v0";

std::string_view Trim(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r");
  if (first == line.npos) return "";
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

Result<void> KnownLogs::Add(std::string_view vkey, std::string origin) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  std::vector<verify::VerifierKey>& keys = keys_[origin.empty() ? key.name : origin];
  const bool there = std::ranges::any_of(keys, [&](const verify::VerifierKey& known) {
    return known.name == key.name && known.public_key == key.public_key;
  });
  if (!there) keys.push_back(std::move(key));
  return {};
}

Result<void> KnownLogs::AddList(std::string_view text) {
  bool header = false;
  std::string vkey, origin;
  size_t vkey_line = 0;
  const auto add = [&]() -> Result<void> {
    if (vkey.empty()) return {};
    if (auto added = Add(vkey, origin); !added) return Fail(added.error(), "line {}", vkey_line);
    return {};
  };
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view line = Trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    if (!header && line != kListHeader)
      return Fail(ErrorCode::kInvalidArgument, "line {}: want \"{}\" first", number, kListHeader);
    if (!std::exchange(header, true)) continue;
    const size_t space = std::min(line.find(' '), line.size());
    const std::string_view name = line.substr(0, space), value = Trim(line.substr(space));
    if (name == "vkey") {
      TRY(add());
      vkey = value, origin.clear(), vkey_line = number;
    } else if (vkey.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "line {}: want a vkey before \"{}\"", number, name);
    } else if (name == "origin") {
      origin = value;
    }
  }
  return add();
}

const std::vector<verify::VerifierKey>* KnownLogs::Find(const std::string& origin) const {
  auto found = keys_.find(origin);
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace beleg::witness
