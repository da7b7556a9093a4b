#include "store/mirror_api.h"

#include <map>

#include "witness/submission.h"

namespace beleg::store {
namespace {

constexpr std::chrono::milliseconds kCopyWait{10'000};
constexpr std::string_view kText = "text/plain; charset=utf-8";

net::HttpResponse Failure(const Error& error) {
  return net::MakeResponse(HttpStatusOf(error.code), std::string(kText), error.message + "\n");
}

}  // namespace

net::HttpResponse MirrorApi::AddCheckpoint(std::string_view body) {
  std::map<std::string, Mirror*> by_origin;
  std::map<std::string, std::vector<verify::VerifierKey>> keys;
  for (Mirror* mirror : mirrors_) {
    const MirrorState state = mirror->state();
    auto key = verify::ParseVerifierKey(state.vkey);
    if (!key) continue;  // nothing of this log is here yet
    by_origin[state.origin] = mirror;
    keys[state.origin] = {*std::move(key)};
    for (const std::string& vkey : state.other_vkeys)
      if (auto other = verify::ParseVerifierKey(vkey)) keys[state.origin].push_back(*std::move(other));
  }
  auto submission = witness::ReadSubmission(
      body, [&](const std::string& origin) -> const std::vector<verify::VerifierKey>* {
        auto found = keys.find(origin);
        return found == keys.end() ? nullptr : &found->second;
      });
  if (!submission) return witness::RefusalAnswer(submission.error(), 0);
  Mirror* mirror = by_origin.at(submission->checkpoint.origin);
  return mirror->AddCheckpoint(*std::move(submission), kCopyWait);
}

net::HttpResponse MirrorApi::Read(std::string_view path) {
  path.remove_prefix(kMirrorPrefix.size());
  const size_t slash = path.find('/');
  Mirror* mirror = slash == path.npos ? nullptr : Find(path.substr(0, slash));
  if (mirror == nullptr) return Failure({ErrorCode::kNotFound, "no log of this name is mirrored here"});
  const std::string_view name = path.substr(slash + 1);
  auto bytes = mirror->ReadResource(name);
  if (!bytes) return Failure(bytes.error());
  const bool checkpoint = name == "checkpoint";
  net::HttpResponse out =
      net::MakeResponse(200, std::string(checkpoint ? kText : "application/octet-stream"), *std::move(bytes));
  // A partial tile stays true, but goes away; only full ones are for ever.
  const bool immutable = !checkpoint && name.find(".p/") == name.npos;
  out.headers.Add("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
  return out;
}

Mirror* MirrorApi::Find(std::string_view origin_hash) const {
  for (Mirror* mirror : mirrors_) {
    const std::string origin = mirror->state().origin;
    if (!origin.empty() && witness::OriginHash(origin) == origin_hash) return mirror;
  }
  return nullptr;
}

}  // namespace beleg::store
