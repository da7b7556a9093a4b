#include "verify/note.h"

#include "wire/ed25519.h"
#include "wire/sha256.h"

namespace beleg::verify {
namespace {

constexpr size_t kNoteBytesMax = 1 << 20;
constexpr size_t kSignaturesMax = 100;
constexpr std::string_view kDash = "\xE2\x80\x94 ";  // em dash, space

// Unicode's White_Space above ASCII, in UTF-8.
constexpr std::string_view kWideSpaces[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80",
                                            "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84",
                                            "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
                                            "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                            "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

size_t LineOf(std::string_view text, size_t offset) {
  size_t line = 1;
  for (char c : text.substr(0, offset)) line += c == '\n';
  return line;
}

Result<void> CheckNoteBytes(std::string_view bytes) {
  if (bytes.size() > kNoteBytesMax)
    return Fail(ErrorCode::kDataLoss, "note: {} bytes, at most {}", bytes.size(), kNoteBytesMax);
  for (size_t i = 0; i < bytes.size(); ++i)
    if (static_cast<unsigned char>(bytes[i]) < 0x20 && bytes[i] != '\n')
      return Fail(ErrorCode::kDataLoss, "note: line {}: control character at byte {}", LineOf(bytes, i), i);
  if (!IsUtf8(bytes)) return Fail(ErrorCode::kDataLoss, "note: not UTF-8");
  return {};
}

// "— name base64", without its newline.
Result<NoteSignature> ParseSignatureLine(std::string_view line) {
  if (!line.starts_with(kDash))
    return Fail(ErrorCode::kDataLoss, "a signature begins with an em dash and a space");
  line.remove_prefix(kDash.size());
  size_t space = line.find(' ');
  if (space == std::string_view::npos)
    return Fail(ErrorCode::kDataLoss, "no space between key name and signature");
  std::string_view name = line.substr(0, space);
  if (!IsKeyName(name)) return Fail(ErrorCode::kDataLoss, "bad key name \"{}\"", name);
  auto raw = Base64Decode(line.substr(space + 1));
  if (!raw) return Fail(ErrorCode::kDataLoss, "signature: {}", raw.error().message);
  if (raw->size() < 5) return Fail(ErrorCode::kDataLoss, "signature of {} bytes, at least 5", raw->size());
  return NoteSignature{std::string(name), GetBig32(raw->data()), raw->substr(4)};
}

// One line off the front of text, without its newline.
std::string_view TakeLine(std::string_view& text) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

bool IsKeyName(std::string_view name) {
  if (name.empty() || !IsUtf8(name)) return false;
  for (char c : name)
    if (static_cast<unsigned char>(c) <= 0x20 || c == '+') return false;
  for (std::string_view space : kWideSpaces)
    if (name.contains(space)) return false;
  return true;
}

uint32_t KeyIdOf(std::string_view name, const Hash32& public_key, KeyType type) {
  std::string bytes(name);
  bytes += '\n';
  bytes += static_cast<char>(type);
  bytes += AsView(public_key);
  return GetBig32(reinterpret_cast<const char*>(wire::Sha256(bytes).data()));
}

std::string FormatVerifierKey(std::string_view name, const Hash32& public_key, KeyType type) {
  std::string typed(1, static_cast<char>(type));
  typed += AsView(public_key);
  return fmt::format("{}+{:08x}+{}", name, KeyIdOf(name, public_key, type), Base64Encode(typed));
}

Result<VerifierKey> ParseVerifierKey(std::string_view vkey, KeyType type) {
  // The base64 part may hold a '+' of its own, so the first two count.
  size_t first = vkey.find('+');
  size_t second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
  if (second == std::string_view::npos)
    return Fail(ErrorCode::kInvalidArgument, "verifier key: want name+hex(key id)+base64(key)");
  VerifierKey key;
  key.name = vkey.substr(0, first);
  if (!IsKeyName(key.name))
    return Fail(ErrorCode::kInvalidArgument, "verifier key: bad name \"{}\"", key.name);
  auto id = HexDecode(vkey.substr(first + 1, second - first - 1));
  if (!id || id->size() != 4)
    return Fail(ErrorCode::kInvalidArgument, "verifier key: key id is not 8 hex digits");
  key.id = GetBig32(id->data());
  auto typed = Base64Decode(vkey.substr(second + 1));
  if (!typed) return Fail(ErrorCode::kInvalidArgument, "verifier key: {}", typed.error().message);
  if (typed->empty() || (*typed)[0] != static_cast<char>(type))
    return Fail(ErrorCode::kInvalidArgument, "verifier key: not of type {} ({})", static_cast<int>(type),
                type == KeyType::kEd25519 ? "Ed25519" : "cosignature/v1");
  auto public_key = ToArray<32>(std::string_view(*typed).substr(1));
  if (!public_key) return Fail(ErrorCode::kInvalidArgument, "verifier key: {}", public_key.error().message);
  key.public_key = *public_key;
  if (uint32_t want = KeyIdOf(key.name, key.public_key, type); key.id != want)
    return Fail(ErrorCode::kInvalidArgument,
                "verifier key: key id {:08x} is not that of name and key ({:08x})", key.id, want);
  return key;
}

std::string FormatSignature(const NoteSignature& signature) {
  std::string blob;
  PutBig32(blob, signature.key_id);
  blob += signature.bytes;
  return fmt::format("{}{} {}\n", kDash, signature.name, Base64Encode(blob));
}

Result<Note> ParseNote(std::string_view bytes) {
  TRY(CheckNoteBytes(bytes));
  size_t split = bytes.rfind("\n\n");
  if (split == std::string_view::npos)
    return Fail(ErrorCode::kDataLoss, "note: no blank line before the signatures: it is cut or bent");
  Note note;
  note.text = bytes.substr(0, split + 1);
  std::string_view rest = bytes.substr(split + 2);
  if (rest.empty()) return Fail(ErrorCode::kDataLoss, "note: no signature");
  if (!rest.ends_with('\n')) return Fail(ErrorCode::kDataLoss, "note: last line has no newline");
  size_t line_number = LineOf(bytes, split + 2);
  for (; !rest.empty(); ++line_number) {
    auto signature = ParseSignatureLine(TakeLine(rest));
    if (!signature) return Fail(std::move(signature.error()), "note: line {}", line_number);
    if (note.signatures.size() == kSignaturesMax)
      return Fail(ErrorCode::kDataLoss, "note: line {}: more than {} signatures", line_number,
                  kSignaturesMax);
    note.signatures.push_back(std::move(*signature));
  }
  return note;
}

Result<std::string> OpenNote(std::string_view bytes, const VerifierKey& key) {
  TRY_ASSIGN(Note note, ParseNote(bytes));
  bool found = false;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != key.name || signature.key_id != key.id) continue;
    if (!wire::Ed25519Verify(key.public_key, note.text, signature.bytes))
      return Fail(ErrorCode::kDataLoss, "note: the signature of {} is bad", key.name);
    found = true;
  }
  if (!found)
    return Fail(ErrorCode::kUnauthenticated, "note: no signature of {} (key id {:08x})", key.name, key.id);
  return note.text;
}

Result<Checkpoint> ParseCheckpoint(std::string_view note_text) {
  if (!note_text.ends_with('\n')) return Fail(ErrorCode::kDataLoss, "checkpoint: last line has no newline");
  std::string_view rest = note_text;
  Checkpoint checkpoint;
  checkpoint.origin = TakeLine(rest);
  if (checkpoint.origin.empty()) return Fail(ErrorCode::kDataLoss, "checkpoint: line 1: empty origin");
  std::string_view size_text = TakeLine(rest);
  auto size = ParseUint64(size_text);
  if (!size || (size_text.size() > 1 && size_text[0] == '0'))
    return Fail(ErrorCode::kDataLoss, "checkpoint: line 2: \"{}\" is no tree size", size_text);
  checkpoint.size = *size;
  auto root = Base64Decode(TakeLine(rest));
  if (!root) return Fail(ErrorCode::kDataLoss, "checkpoint: line 3: root hash: {}", root.error().message);
  auto hash = ToArray<32>(*root);
  if (!hash) return Fail(ErrorCode::kDataLoss, "checkpoint: line 3: root hash: {}", hash.error().message);
  checkpoint.root = *hash;
  for (size_t line = 4; !rest.empty(); ++line)
    if (TakeLine(rest).empty())
      return Fail(ErrorCode::kDataLoss, "checkpoint: line {}: empty extension line", line);
  return checkpoint;
}

Result<Checkpoint> OpenCheckpoint(std::string_view bytes, const VerifierKey& key) {
  TRY_ASSIGN(std::string text, OpenNote(bytes, key));
  TRY_ASSIGN(Checkpoint checkpoint, ParseCheckpoint(text));
  if (checkpoint.origin != key.name)
    return Fail(ErrorCode::kDataLoss, "checkpoint: origin is \"{}\", the key is for \"{}\"",
                checkpoint.origin, key.name);
  return checkpoint;
}

}  // namespace beleg::verify
