// For tests of the mirror: a ledger's HTTP side over a log in memory, and a mirror of it in a folder.
#pragma once

#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "io/testing.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "store/mirror.h"
#include "store/testing.h"
#include "verify/fsck.h"
#include "verify/testing.h"

namespace beleg::store::testing {

using verify::testing::TestLog;

inline constexpr std::chrono::milliseconds kLong{60'000};

// A ledger's HTTP side over a log in memory.
class FakeLedger {
 public:
  explicit FakeLedger(const TestLog& log) { Show(log); }
  ~FakeLedger() { server_->Stop(std::chrono::milliseconds(0)); }

  // What is served from now on.
  void Show(const TestLog& log) {
    MutexLock lock(mutex_);
    files_ = log.files;
    tip_ = fmt::format(R"({{"size":{},"origin":"{}","vkey":"{}"}})", log.entries.size(), log.origin,
                       log.vkey_text());
  }
  void SetFile(const std::string& path, std::string bytes) {
    MutexLock lock(mutex_);
    files_[path] = std::move(bytes);
  }
  int Requests(std::string_view prefix) const {
    MutexLock lock(mutex_);
    int count = 0;
    for (const auto& [path, times] : requests_) {
      if (path.starts_with(prefix)) count += times;
    }
    return count;
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }

  std::string token;

 private:
  net::HttpResponse Answer(const net::HttpRequest& request) {
    MutexLock lock(mutex_);
    const std::string path(request.path().substr(1));
    ++requests_[path];
    if (!token.empty() && net::BearerToken(request.headers) != token)
      return net::MakeResponse(401, "text/plain", "no");
    if (path == "audit/tip") return net::MakeResponse(200, "application/json", tip_);
    auto file = files_.find(path);
    if (file == files_.end()) return net::MakeResponse(404, "text/plain", "none");
    return net::MakeResponse(200, "application/octet-stream", file->second);
  }

  mutable Mutex mutex_;
  std::map<std::string, std::string> files_ GUARDED_BY(mutex_);
  std::string tip_ GUARDED_BY(mutex_);
  std::map<std::string, int> requests_ GUARDED_BY(mutex_);
  std::unique_ptr<net::WorkerPool> pool_ = net::WorkerPool::Start(1, 100);
  std::unique_ptr<net::HttpServer> server_ = *net::HttpServer::Listen(
      {}, net::OnPool(*pool_, [this](const net::HttpRequest& request) { return Answer(request); }));
};

class MirrorTest : public ::testing::Test {
 protected:
  void SetUp() override { OpenStore(); }
  void OpenStore() {
    mirror_.reset();
    store_.reset();
    StoreOptions options;
    options.dir = folder_ / "store";
    options.free_bytes_min = 0;
    store_ = *Store::Open(std::move(options));
  }
  Result<void> OpenMirror(const std::string& url, std::string token = "", std::string vkey = "") {
    mirror_.reset();
    MirrorOptions options = options_;
    options.dir = folder_ / "mirror";
    options.url = url;
    options.token = std::move(token);
    options.vkey = std::move(vkey);
    options.poll_interval = std::chrono::milliseconds(10'000);  // rounds come from Refresh alone
    auto mirror = Mirror::Open(std::move(options), *store_);
    if (!mirror) return std::unexpected<Error>(mirror.error());
    mirror_ = *std::move(mirror);
    return {};
  }
  void Refresh() {
    auto done = mirror_->Refresh(kLong);
    ASSERT_TRUE(done) << done.error().message;
  }
  Error RefreshError() {
    auto done = mirror_->Refresh(kLong);
    EXPECT_FALSE(done);
    return done ? Error{ErrorCode::kInternal, "no error"} : done.error();
  }
  std::string CopyDir(const TestLog& log) const { return folder_ / "mirror/" + log.origin; }
  size_t Records() const { return static_cast<size_t>(store_->NextLeaf("log")); }
  // The log of the first `count` of these leaves.
  static TestLog LogOf(const SampleLog& log, size_t count = SIZE_MAX) {
    std::vector<std::string> entries = log.entries();
    entries.resize(std::min(count, entries.size()));
    return TestLog(entries, log.origin());
  }
  // The copy on disk is a whole log by verify's own judgement.
  // The copy is at this log's checkpoint, and whole.
  void ExpectWholeCopy(const TestLog& log) {
    auto note = io::ReadFile(io::PosixFileSystem(), CopyDir(log) + "/checkpoint");
    ASSERT_TRUE(note) << note.error().message;
    auto checkpoint = verify::OpenCheckpoint(*note, log.vkey());
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    EXPECT_EQ(*checkpoint, log.checkpoint());
    ExpectCopyHolds(log);
  }

  // Everything of this log is there for a reader of its checkpoint, whatever the copy's own is by now.
  void ExpectCopyHolds(const TestLog& log) {
    auto report = verify::Fsck(
        [&](const std::string& path) {
          return path == "checkpoint" ? Result<std::string>(log.files.at(path))
                                      : io::ReadFile(io::PosixFileSystem(), CopyDir(log) + "/" + path);
        },
        log.vkey());
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->checkpoint, log.checkpoint());
    EXPECT_EQ(report->findings, std::vector<std::string>{});
  }

  io::TempFolder folder_;
  MirrorOptions options_;  // what OpenMirror starts from
  std::unique_ptr<Store> store_;
  std::unique_ptr<Mirror> mirror_;
};

}  // namespace beleg::store::testing
