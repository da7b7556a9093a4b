#include "store/log_edge.h"

#include <map>

#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::store {
namespace {

TEST(LogEdge, FilesAndRootAreTheLogsAtEverySize) {
  LogEdge edge;
  std::map<std::string, std::string> full;
  for (size_t size = 0; size <= 70'000; ++size) {
    // Around the places where tiles fill, and now and then.
    if (size < 4 || size % 256 < 2 || size > 65'534 || size % 997 == 0) {
      if (size < 1'100 || size == 65'536 || size == 65'537 || size == 70'000) {
        const verify::testing::TestLog log(size);
        ASSERT_EQ(edge.Root(), log.Root()) << size;
        std::map<std::string, std::string> files = full;
        for (const LogEdge::File& file : edge.Partial()) files[file.path] = file.bytes;
        files["checkpoint"] = log.files.at("checkpoint");
        ASSERT_EQ(files, log.files) << size;
      }
    }
    std::string entry;
    PutBig16(entry, static_cast<uint16_t>(size));
    edge.Add(entry);
    for (LogEdge::File& file : edge.TakeFull()) full[file.path] = std::move(file.bytes);
  }
}

}  // namespace
}  // namespace beleg::store
