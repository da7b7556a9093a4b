// A log builder for tests: writes a C2SP log of any size into a map, and makes proofs by the recursive definitions of
// RFC 6962 §2.1. Deliberately another algorithm than the code under test, and slow.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "verify/note.h"
#include "verify/tiles.h"
#include "wire/ed25519.h"
#include "wire/sha256.h"

namespace beleg::verify::testing {

inline std::unique_ptr<wire::Ed25519Key> TestKey(uint8_t fill = 7) {
  Hash32 seed;
  seed.fill(fill);
  auto key = wire::Ed25519Key::FromSeed(seed);
  CHECK(key.has_value(), "a seed makes a key");
  return std::move(*key);
}

inline std::string Sign(std::string_view text, std::string_view name, const wire::Ed25519Key& key) {
  std::string blob;
  PutBig32(blob, KeyIdOf(name, key.public_key()));
  blob += AsView(key.Sign(text));
  return fmt::format("{}\n\xE2\x80\x94 {} {}\n", text, name, Base64Encode(blob));
}

// MTH(D[first:last]) of RFC 6962 §2.1.
inline Hash32 TreeHash(const std::vector<Hash32>& leaves, size_t first, size_t last) {
  if (first == last) return wire::Sha256("");
  if (last - first == 1) return leaves[first];
  size_t split = 1;
  while (split * 2 < last - first) split *= 2;
  return wire::MerkleNodeHash(TreeHash(leaves, first, first + split), TreeHash(leaves, first + split, last));
}

// PATH(m, D[first:last]), m counted from first.
inline std::vector<Hash32> Path(const std::vector<Hash32>& leaves, size_t m, size_t first, size_t last) {
  if (last - first == 1) return {};
  size_t split = 1;
  while (split * 2 < last - first) split *= 2;
  bool left = m < split;
  std::vector<Hash32> path =
      left ? Path(leaves, m, first, first + split) : Path(leaves, m - split, first + split, last);
  path.push_back(left ? TreeHash(leaves, first + split, last) : TreeHash(leaves, first, first + split));
  return path;
}

// SUBPROOF(m, D[first:last], whole).
inline std::vector<Hash32> Subproof(const std::vector<Hash32>& leaves, size_t m, size_t first, size_t last,
                                    bool whole) {
  if (m == last - first)
    return whole ? std::vector<Hash32>{} : std::vector<Hash32>{TreeHash(leaves, first, last)};
  size_t split = 1;
  while (split * 2 < last - first) split *= 2;
  bool left = m <= split;
  std::vector<Hash32> path = left ? Subproof(leaves, m, first, first + split, whole)
                                  : Subproof(leaves, m - split, first + split, last, false);
  path.push_back(left ? TreeHash(leaves, first + split, last) : TreeHash(leaves, first, first + split));
  return path;
}

class TestLog {
 public:
  // size entries, entry i = make(i); default: i as two bytes big-endian (the vectors of the 256-entry log).
  explicit TestLog(size_t size, std::string log_origin = "example.com/log", uint8_t key_fill = 7)
      : origin(std::move(log_origin)), key(TestKey(key_fill)) {
    for (size_t i = 0; i < size; ++i) {
      std::string entry;
      PutBig16(entry, static_cast<uint16_t>(i));
      entries.push_back(entry);
    }
    Write();
  }
  explicit TestLog(std::vector<std::string> log_entries, std::string log_origin = "example.com/log")
      : origin(std::move(log_origin)), key(TestKey()), entries(std::move(log_entries)) {
    Write();
  }

  // (Re)writes all files from entries.
  void Write() {
    files.clear(), leaves.clear();
    for (const std::string& entry : entries) leaves.push_back(wire::MerkleLeafHash(entry));
    WriteBundles();
    std::vector<Hash32> level = leaves;
    for (int l = 0; !level.empty(); ++l) level = WriteLevel(l, level);
    SignCheckpoint(entries.size(), Root());
  }

  void SignCheckpoint(uint64_t size, const Hash32& root) {
    std::string text = fmt::format("{}\n{}\n{}\n", origin, size, Base64Encode(AsView(root)));
    files["checkpoint"] = Sign(text, origin, *key);
  }

  Hash32 Root() const { return TreeHash(leaves, 0, leaves.size()); }
  Hash32 RootAt(size_t size) const { return TreeHash(leaves, 0, size); }
  Checkpoint checkpoint() const { return {origin, leaves.size(), Root()}; }
  VerifierKey vkey() const { return {origin, KeyIdOf(origin, key->public_key()), key->public_key()}; }
  std::string vkey_text() const { return FormatVerifierKey(origin, key->public_key()); }

  // Reads of this log's files, as they are at the time of the read. The log outlives it.
  TileSource Source() const {
    return [this](const std::string& path) -> Result<std::string> {
      auto file = files.find(path);
      if (file == files.end()) return Fail(ErrorCode::kNotFound, "{}: no such file", path);
      return file->second;
    };
  }

  std::string origin;
  std::unique_ptr<wire::Ed25519Key> key;
  std::vector<std::string> entries;
  std::vector<Hash32> leaves;
  std::map<std::string, std::string> files;

 private:
  void WriteBundles() {
    for (size_t first = 0; first < entries.size(); first += 256) {
      size_t width = std::min<size_t>(256, entries.size() - first);
      std::string bundle;
      for (size_t i = first; i < first + width; ++i) {
        PutBig16(bundle, static_cast<uint16_t>(entries[i].size()));
        bundle += entries[i];
      }
      files[TilePath(-1, first / 256, static_cast<int>(width))] = bundle;
    }
  }

  // Writes one level's tiles and returns the hashes of its full tiles.
  std::vector<Hash32> WriteLevel(int l, const std::vector<Hash32>& hashes) {
    std::vector<Hash32> above;
    for (size_t first = 0; first < hashes.size(); first += 256) {
      size_t width = std::min<size_t>(256, hashes.size() - first);
      std::string tile;
      for (size_t i = first; i < first + width; ++i) tile += AsView(hashes[i]);
      files[TilePath(l, first / 256, static_cast<int>(width))] = tile;
      if (width == 256) above.push_back(TreeHash(hashes, first, first + 256));
    }
    return above;
  }
};

}  // namespace beleg::verify::testing
