// For tests: a log's folder of full bundles with their tiles.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bundle/compressor.h"
#include "bundle/entry_bundle.h"
#include "bundle/stored.h"
#include "io/durable.h"
#include "record/testing.h"
#include "wire/sha256.h"

namespace beleg::bundle {

inline constexpr int64_t kDayMicros = 86'400'000'000;
inline constexpr int64_t kMidnight =
    20'000 * kDayMicros;  // of some day; what is before it is closed on that day

inline std::string RecordAt(int64_t time_us, uint64_t seq = 1) {
  record::Request request = record::SampleRequest();
  request.id.seq = seq;
  return record::Encode({record::SampleBoot(), time_us, request});
}

// 256 records, one a second, the last at last_us.
inline std::vector<std::string> EntriesUntil(int64_t last_us) {
  std::vector<std::string> entries;
  for (uint64_t i = 0; i < kBundleLeaves; ++i)
    entries.push_back(RecordAt(last_us - static_cast<int64_t>(kBundleLeaves - 1 - i) * 1'000'000, i));
  return entries;
}

inline std::string BundleOf(const std::vector<std::string>& entries) {
  std::string bundle;
  for (const std::string& entry : entries) AppendEntry(bundle, entry);
  return bundle;
}

inline void WriteFile(io::FileSystem& fs, const std::string& path, std::string_view bytes) {
  ASSERT_TRUE(io::MakeFoldersDurably(fs, io::ParentOf(path)));
  ASSERT_TRUE(io::WriteFileDurably(fs, path, bytes));
}

// The bundle and its tile; name as Walk::Item has it.
inline void WriteBundle(io::FileSystem& fs, const std::string& folder, const std::string& name,
                        const std::vector<std::string>& entries) {
  std::string hashes;
  for (const std::string& entry : entries) hashes += AsView(wire::MerkleLeafHash(entry));
  WriteFile(fs, folder + "/tile/entries/" + name, BundleOf(entries));
  WriteFile(fs, folder + "/tile/0/" + name, hashes);
}

// Steps until nothing is left to do; how many bundles were compressed. An error ends it.
inline Result<int> CompressAll(Compressor& compressor) {
  for (int count = 0;;) {
    TRY_ASSIGN(auto did, compressor.Step());
    if (did == Compressor::Did::kNothing) return count;
    if (did == Compressor::Did::kCompressed) ++count;
  }
}

}  // namespace beleg::bundle
