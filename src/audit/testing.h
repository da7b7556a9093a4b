// For tests of the audit commands: a web server with canned answers, and a whole deployment made of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/stored_record.h"
#include "base/check.h"
#include "base/mutex.h"
#include "io/durable.h"
#include "net/worker_pool.h"
#include "record/audit_record.h"
#include "record/testing.h"
#include "verify/cosignature.h"
#include "verify/proof.h"
#include "verify/testing.h"
#include "wire/json.h"

namespace beleg::audit {

// Answers "GET /path" (without query) by what was set for it, 404 else, and remembers what it was asked.
class FakeSite {
 public:
  using Answer = std::function<net::HttpResponse(const net::HttpRequest&)>;

  FakeSite() : pool_(net::WorkerPool::Start(2, 64)) {
    auto server = net::HttpServer::Listen(
        {}, net::OnPool(*pool_, [this](const net::HttpRequest& request) { return Handle(request); }));
    CHECK(server.has_value(), "port 0 of 127.0.0.1 is free");
    server_ = std::move(*server);
  }
  ~FakeSite() { server_->Stop(std::chrono::milliseconds(0)); }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }

  void On(std::string method_and_path, Answer answer) {
    MutexLock lock(mutex_);
    answers_[std::move(method_and_path)] = std::move(answer);
  }
  void OnText(std::string method_and_path, std::string body, int status = 200) {
    On(std::move(method_and_path), [body = std::move(body), status](const net::HttpRequest&) {
      return net::MakeResponse(status, "text/plain; charset=utf-8", body);
    });
  }
  void OnJson(std::string method_and_path, const wire::Json& body) {
    OnText(std::move(method_and_path), body.Dump());
  }

  std::vector<net::HttpRequest> requests() {
    MutexLock lock(mutex_);
    return requests_;
  }
  // The last request to that method and path.
  net::HttpRequest Last(std::string_view method_and_path) {
    MutexLock lock(mutex_);
    for (size_t i = requests_.size(); i-- > 0;)
      if (NameOf(requests_[i]) == method_and_path) return requests_[i];
    return {};
  }

 private:
  static std::string NameOf(const net::HttpRequest& request) {
    return fmt::format("{} {}", request.method, request.path());
  }

  net::HttpResponse Handle(const net::HttpRequest& request) {
    Answer answer;
    {
      MutexLock lock(mutex_);
      requests_.push_back(request);
      auto found = answers_.find(NameOf(request));
      if (found != answers_.end()) answer = found->second;
    }
    return answer ? answer(request) : net::MakeResponse(404, "text/plain", "no such thing\n");
  }

  Mutex mutex_;
  std::map<std::string, Answer> answers_ GUARDED_BY(mutex_);
  std::vector<net::HttpRequest> requests_ GUARDED_BY(mutex_);
  std::unique_ptr<net::WorkerPool> pool_;
  std::unique_ptr<net::HttpServer> server_;
};

// The entries of a small log: one record of each type, the request first.
inline std::vector<std::string> SampleEntries() {
  std::vector<std::string> entries;
  for (const record::AuditRecord& record : record::SampleRecords()) entries.push_back(record::Encode(record));
  return entries;
}

// The tlog-proof of one entry of a test log.
inline std::string ProofText(const verify::testing::TestLog& log, size_t index) {
  return verify::FormatTlogProof({"", index, verify::testing::Path(log.leaves, index, 0, log.leaves.size()),
                                  log.files.at("checkpoint")});
}

constexpr int64_t kKeyChangedUs =
    1'795'500'300'000'000;  // between the sample receipts' begin and its promise

// The log gets another key, as `beleg ledger rotate-key` does it, and goes on with these entries. The first time only.
inline void ChangeKey(verify::testing::TestLog& log, uint8_t fill, const std::vector<std::string>& then) {
  auto next = verify::testing::TestKey(fill);
  const record::Key body{verify::FormatVerifierKey(log.origin, next->public_key()), "rotation",
                         log.vkey_text()};
  const uint64_t index = log.entries.size();
  log.entries.push_back(record::Encode({record::SampleBoot(), kKeyChangedUs, body}));
  log.Write();
  std::string note = log.files.at("checkpoint");
  const std::string text = verify::ParseNote(note)->text;
  note += verify::testing::Sign(text, log.origin, *next).substr(text.size() + 1);
  const std::string proof = verify::FormatTlogProof(
      {log.entries[index], index, verify::testing::Path(log.leaves, index, 0, log.leaves.size()), note});
  log.key = std::move(next);
  log.entries.insert(log.entries.end(), then.begin(), then.end());
  log.Write();
  log.files["keys/001.tlog-proof"] = proof;
}

// A receipt alone in its group, signed by the log's key. secret: "" or base64url.
inline std::string ReceiptText(const verify::testing::TestLog& log, std::string_view body,
                               std::string_view secret = "") {
  auto base64url = [](std::string_view bytes) {
    std::string out = Base64Encode(bytes);
    while (out.ends_with('=')) out.pop_back();
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
  };
  std::string text =
      fmt::format("{}/receipts/v1\n1\n{}\n", log.origin, Base64Encode(AsView(wire::MerkleLeafHash(body))));
  std::string receipt = fmt::format("v1.{}.0.1..{}", base64url(body), base64url(AsView(log.key->Sign(text))));
  return secret.empty() ? receipt : fmt::format("{}.{}", receipt, secret);
}

inline std::string FinishReceiptText(const verify::testing::TestLog& log, uint64_t index,
                                     std::string_view request_id) {
  return ReceiptText(
      log, fmt::format(R"({{"index":{},"leaf_hash":"{}","origin":"{}","request_id":"{}","type":"finish"}})",
                       index, HexEncode(AsView(log.leaves[index])), log.origin, request_id));
}

inline std::string BeginReceiptText(const verify::testing::TestLog& log, std::string_view request_id,
                                    int64_t resolved_by_us = 1'795'500'600'000'000) {
  return ReceiptText(
      log,
      fmt::format(
          R"({{"boot":"b0b1b2b3b4b5b6b7","origin":"{}","request_id":"{}","resolved_by_us":{},)"
          R"("seq":48213,"time_us":1795500000000000,"trace_id":"0102030405060708090a0b0c0d0e0f10","type":"begin"}})",
          log.origin, request_id, resolved_by_us));
}

// A signed note with a witness's cosignature more.
inline std::string Cosigned(std::string note, std::string_view witness, const wire::Ed25519Key& key,
                            int64_t unix_s) {
  const std::string text = verify::ParseNote(note)->text;
  std::string bytes;
  PutBig64(bytes, static_cast<uint64_t>(unix_s));
  bytes += AsView(key.Sign(verify::CosignedMessage(unix_s, text)));
  const uint32_t id = verify::KeyIdOf(witness, key.public_key(), verify::KeyType::kCosignatureV1);
  return note + verify::FormatSignature({std::string(witness), id, bytes});
}

inline std::string WitnessKey(std::string_view name, const wire::Ed25519Key& key) {
  return verify::FormatVerifierKey(name, key.public_key(), verify::KeyType::kCosignatureV1);
}

// Writes a log's files below a folder.
inline void WriteLog(const verify::testing::TestLog& log, const std::string& folder) {
  io::FileSystem& fs = io::PosixFileSystem();
  for (const auto& [path, bytes] : log.files) {
    const std::string file = folder + "/" + path;
    CHECK(fs.MakeFolders(file.substr(0, file.rfind('/'))).has_value(), "a test folder takes folders");
    CHECK(io::WriteFileDurably(fs, file, bytes).has_value(), "a test folder takes files");
  }
}

}  // namespace beleg::audit
