#include "io/process.h"

#include <signal.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "io/file.h"
#include "io/testing.h"

namespace beleg::io {
namespace {

using std::chrono::milliseconds;

TEST(Child, GivesOutputEnvironmentAndExitStatus) {
  TempFolder folder;
  auto child = Child::Spawn({.argv = {"/bin/sh", "-c", "echo $WORD; exit 7"},
                             .environment = {{"WORD", "hello"}},
                             .stdout_path = folder / "out",
                             .stderr_path = ""});
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_EQ(child->Wait(milliseconds(60'000)), 7);
  EXPECT_EQ(child->Poll(), 7);
  EXPECT_EQ(child->Stop(milliseconds(0)), 7);
  EXPECT_EQ(ReadFile(PosixFileSystem(), folder / "out").value(), "hello\n");
}

TEST(Child, StopEndsItInOrder) {
  auto child =
      Child::Spawn({.argv = {"/bin/sleep", "1000"}, .environment = {}, .stdout_path = "", .stderr_path = ""});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->Poll(), std::nullopt);
  EXPECT_EQ(child->Stop(milliseconds(60'000)), 128 + SIGTERM);
}

TEST(Child, StopKillsOneThatWillNot) {
  // The shell ignores SIGTERM, so does the sleep that takes its place; the FIFO tells when the trap is set.
  TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "ready").c_str(), 0600), 0);
  auto child = Child::Spawn({.argv = {"/bin/sh", "-c", "trap '' TERM; echo > $READY; exec sleep 1000"},
                             .environment = {{"READY", folder / "ready"}},
                             .stdout_path = "",
                             .stderr_path = ""});
  ASSERT_TRUE(child);
  auto ready = PosixFileSystem().Open(folder / "ready", OpenMode::kRead);  // returns once the shell opens it
  EXPECT_EQ(child->Wait(milliseconds(1)), std::nullopt);
  EXPECT_EQ(child->Stop(milliseconds(50)), 128 + SIGKILL);
}

TEST(Child, NamesAProgramThatIsMissing) {
  auto child =
      Child::Spawn({.argv = {"/no/such/program"}, .environment = {}, .stdout_path = "", .stderr_path = ""});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ErrorCode::kNotFound);
  EXPECT_NE(child.error().message.find("/no/such/program"), std::string::npos);
}

TEST(SelfPath, NamesThisProgram) { EXPECT_NE(SelfPath().value().find("io_test"), std::string::npos); }

}  // namespace
}  // namespace beleg::io
