#include "verify/policy.h"

#include <algorithm>

#include "verify/cosignature.h"

namespace beleg::verify {
namespace {

constexpr size_t kPolicyBytesMax = 1 << 20;
constexpr size_t kNamesMax = 256;
constexpr std::string_view kNone = "none";

// The words of a line; a line that begins with '#' has none.
std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBlank = " \t";
  for (size_t start = line.find_first_not_of(kBlank); start != line.npos;
       start = line.find_first_not_of(kBlank, start)) {
    const size_t end = std::min(line.find_first_of(kBlank, start), line.size());
    words.push_back(line.substr(start, end - start));
    start = end;
  }
  if (!words.empty() && words[0].starts_with('#')) words.clear();
  return words;
}

bool IsPolicyByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

class PolicyReader {
 public:
  using Words = std::vector<std::string_view>;

  Result<void> ReadLine(std::string_view line) {
    if (!std::ranges::all_of(line, IsPolicyByte))
      return Fail(ErrorCode::kInvalidArgument, "a control character");
    const Words words = WordsOf(line);
    if (words.empty()) return {};
    if (words[0] == "log") return ReadLog(words);
    if (words[0] == "witness") return ReadWitness(words);
    if (words[0] == "group") return ReadGroup(words);
    if (words[0] == "quorum") return ReadQuorum(words);
    return Fail(ErrorCode::kInvalidArgument, "begins with none of log, witness, group, quorum");
  }

  Result<Policy> Finish() {
    if (!has_quorum_) return Fail(ErrorCode::kInvalidArgument, "policy: no quorum line");
    return std::move(policy_);
  }

 private:
  Result<void> ReadLog(const Words& words) {
    if (words.size() != 2 && words.size() != 3)
      return Fail(ErrorCode::kInvalidArgument, "want: log VKEY [URL]");
    TRY_ASSIGN(VerifierKey key, ParseVerifierKey(words[1]));
    return policy_.AddLog(std::move(key));
  }

  Result<void> ReadWitness(const Words& words) {
    if (words.size() != 3 && words.size() != 4)
      return Fail(ErrorCode::kInvalidArgument, "want: witness NAME VKEY [URL]");
    TRY_ASSIGN(VerifierKey key, ParseVerifierKey(words[2], KeyType::kCosignatureV1));
    return policy_.AddNode({.name = std::string(words[1]), .witness = std::move(key)});
  }

  Result<void> ReadGroup(const Words& words) {
    if (words.size() < 4) return Fail(ErrorCode::kInvalidArgument, "want: group NAME K|any|all NAME…");
    Policy::Node group{.name = std::string(words[1])};
    for (size_t i = 3; i < words.size(); ++i) {
      TRY_ASSIGN(size_t member, Defined(words[i]));
      if (std::exchange(policy_.nodes_[member].is_member, true))
        return Fail(ErrorCode::kInvalidArgument, "{} is a member twice", words[i]);
      group.members.push_back(member);
    }
    const std::string_view count = words[2];
    group.threshold = count == "any"   ? 1
                      : count == "all" ? group.members.size()
                                       : ParseUint64(count).value_or(0);
    if (group.threshold < 1 || group.threshold > group.members.size())
      return Fail(ErrorCode::kInvalidArgument, "{} of {} members", count, group.members.size());
    return policy_.AddNode(std::move(group));
  }

  Result<void> ReadQuorum(const Words& words) {
    if (words.size() != 2) return Fail(ErrorCode::kInvalidArgument, "want: quorum NAME|none");
    if (std::exchange(has_quorum_, true)) return Fail(ErrorCode::kInvalidArgument, "a second quorum line");
    if (words[1] == kNone) return {};
    TRY_ASSIGN(policy_.quorum_, Defined(words[1]));
    return {};
  }

  Result<size_t> Defined(std::string_view name) {
    auto node = policy_.FindNode(name);
    if (!node) return Fail(ErrorCode::kInvalidArgument, "{} is not defined on a line before", name);
    return *node;
  }

  Policy policy_;
  bool has_quorum_ = false;
};

Result<Policy> Policy::Parse(std::string_view text) {
  if (text.size() > kPolicyBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "policy: {} bytes, at most {}", text.size(), kPolicyBytesMax);
  PolicyReader reader;
  for (size_t start = 0, number = 1; start < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', start), text.size());
    if (auto read = reader.ReadLine(text.substr(start, end - start)); !read)
      return Fail(std::move(read.error()), "policy: line {}", number);
    start = end + 1;
  }
  return reader.Finish();
}

Result<Policy> Policy::Make(std::vector<VerifierKey> logs, const std::vector<VerifierKey>& witnesses,
                            size_t quorum) {
  if (quorum > witnesses.size())
    return Fail(ErrorCode::kInvalidArgument, "a quorum of {} from {} witnesses", quorum, witnesses.size());
  Policy policy;
  for (VerifierKey& key : logs) TRY(policy.AddLog(std::move(key)));
  Node group{.name = "quorum", .threshold = quorum};
  for (size_t i = 0; i < witnesses.size(); ++i) {
    TRY(policy.AddNode({.name = fmt::format("witness-{}", i), .witness = witnesses[i]}));
    group.members.push_back(i);
  }
  if (quorum == 0) return policy;
  policy.quorum_ = policy.nodes_.size();
  TRY(policy.AddNode(std::move(group)));
  return policy;
}

Result<void> Policy::AddLog(VerifierKey key) {
  if (logs_.size() == kNamesMax) return Fail(ErrorCode::kInvalidArgument, "more than {} logs", kNamesMax);
  for (const KeyChain& other : logs_)
    if (other.pinned().public_key == key.public_key)
      return Fail(ErrorCode::kInvalidArgument, "the key of {} stands twice", key.name);
  logs_.emplace_back(std::move(key));
  return {};
}

Result<void> Policy::AddNode(Node node) {
  if (nodes_.size() == kNamesMax) return Fail(ErrorCode::kInvalidArgument, "more than {} names", kNamesMax);
  if (node.name == kNone || FindNode(node.name))
    return Fail(ErrorCode::kInvalidArgument, "the name {} is taken", node.name);
  for (const Node& other : nodes_)
    if (node.witness && other.witness && other.witness->public_key == node.witness->public_key)
      return Fail(ErrorCode::kInvalidArgument, "the key of {} stands twice", node.name);
  nodes_.push_back(std::move(node));
  return {};
}

std::optional<size_t> Policy::FindNode(std::string_view name) const {
  auto found = std::ranges::find(nodes_, name, &Node::name);
  if (found == nodes_.end()) return std::nullopt;
  return static_cast<size_t>(found - nodes_.begin());
}

bool Policy::KnowsLog(std::string_view origin) const {
  return std::ranges::any_of(logs_, [=](const KeyChain& log) { return log.pinned().name == origin; });
}

bool Policy::Has(const KeyProof& proof) const {
  return std::ranges::any_of(logs_, [&](const KeyChain& log) { return log.Has(proof); });
}

Result<void> Policy::LearnKeys(const std::vector<KeyProof>& proofs) {
  Result<void> done;
  for (KeyChain& log : logs_) {
    auto extended = log.Extend(proofs);
    if (!extended && done) done = std::move(extended);
  }
  return done;
}

std::vector<LogKey> Policy::KeysOf(std::string_view origin) const {
  std::vector<LogKey> keys;
  for (const KeyChain& log : logs_)
    if (log.pinned().name == origin) keys.insert(keys.end(), log.keys().rbegin(), log.keys().rend());
  return keys;
}

Result<LogKey> Policy::SignerOf(const Receipt& receipt) const {
  Error error{ErrorCode::kUnauthenticated,
              fmt::format("a receipt of {}, whose key was not given", receipt.origin)};
  for (const LogKey& log : KeysOf(receipt.origin)) {
    auto checked = CheckReceipt(receipt, log.key);
    if (checked) return log;
    error = std::move(checked.error());
  }
  return std::unexpected(std::move(error));
}

// A bad signature of one key is damage, though another one's may be good.
Result<LogKey> Policy::SignerOf(std::string_view signed_note, std::string_view origin) const {
  std::optional<LogKey> signer;
  Error error{ErrorCode::kUnauthenticated, fmt::format("checkpoint: the log {} is not a known one", origin)};
  for (const LogKey& log : KeysOf(origin)) {
    auto opened = OpenCheckpoint(signed_note, log.key);
    if (opened && !signer) signer = log;
    if (opened) continue;
    error = std::move(opened.error());
    if (error.code != ErrorCode::kUnauthenticated) return std::unexpected(std::move(error));
  }
  if (signer) return *signer;
  return std::unexpected(std::move(error));
}

Result<Policy::Opened> Policy::Open(std::string_view signed_note) const {
  TRY_ASSIGN(Note note, ParseNote(signed_note));
  TRY_ASSIGN(Checkpoint claim, ParseCheckpoint(note.text));
  Opened opened;
  TRY_ASSIGN(opened.signer, SignerOf(signed_note, claim.origin));
  opened.checkpoint = std::move(claim);
  std::vector<bool> met(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (!node.witness) {
      met[i] = static_cast<size_t>(std::ranges::count_if(
                   node.members, [&met](size_t member) { return bool{met[member]}; })) >= node.threshold;
      continue;
    }
    auto unix_s = CheckCosignature(note, *node.witness);
    if (!unix_s && unix_s.error().code != ErrorCode::kUnauthenticated)
      return std::unexpected(std::move(unix_s.error()));
    met[i] = unix_s.has_value();
    if (unix_s) opened.cosigned.push_back({node.witness->name, *unix_s});
  }
  opened.quorum_met = !quorum_ || met[*quorum_];
  return opened;
}

}  // namespace beleg::verify
