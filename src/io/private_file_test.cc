#include "io/private_file.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "io/durable.h"
#include "io/testing.h"

namespace beleg::io {
namespace {

TEST(PrivateFile, IsReadByItsOwnerAlone) {
  TempFolder folder;
  const std::string path = folder / "secret";
  ASSERT_TRUE(WriteFileDurably(PosixFileSystem(), path, "s", 0600));
  EXPECT_TRUE(CheckPrivate(PosixFileSystem(), path));
  for (unsigned mode : {0604u, 0640u, 0660u, 0601u}) {
    std::filesystem::permissions(path, std::filesystem::perms(mode));
    EXPECT_EQ(CheckPrivate(PosixFileSystem(), path).error().code, ErrorCode::kPermissionDenied) << mode;
  }
}

TEST(PrivateFile, OneThatIsMissingIsLeftToItsReader) {
  EXPECT_TRUE(CheckPrivate(PosixFileSystem(), "/nowhere/at/all"));
}

}  // namespace
}  // namespace beleg::io
