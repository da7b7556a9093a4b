// ReceiptBook: the receipts that this process gave out, for a client that asks again, with the secret as long as it is known.
//
// Shape:   a page a request: the name of the key that made it, its begin receipt, its finish receipt with the secret.
// Limits:  the newest `pages_max` requests, none for longer than `keep`. What goes is forgotten, secret and all; the finish receipt can
//          then be made again from the log, the begin receipt not: the record has taken its place.
// Threads: any. Cost: about 1 µs and 1.5 KB a request.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/mutex.h"

namespace beleg::serve {

class ReceiptBook {
 public:
  struct Options {
    size_t pages_max = 8192;
    int64_t keep_us = 600'000'000;  // as long as a begin receipt's promise runs
    const Clock* clock = nullptr;
  };
  struct Page {
    std::string caller;
    std::string begin, finish;  // values of Audit-Begin and Audit-Finish; "" when there is none (yet)
  };

  explicit ReceiptBook(Options options) : options_(options) {}

  void Begun(const RequestId& id, std::string caller, std::string begin);
  void Finished(const RequestId& id, std::string caller, std::string finish);
  // nullopt: never given out here, or forgotten.
  std::optional<Page> Find(const RequestId& id);

 private:
  struct IdHash {
    size_t operator()(const RequestId& id) const { return GetLittle64(id.view().data()); }  // a hash already
  };
  Page& PageOf(const RequestId& id, std::string caller) REQUIRES(mutex_);
  void Forget() REQUIRES(mutex_);

  const Options options_;
  Mutex mutex_;
  std::unordered_map<RequestId, Page, IdHash> pages_ GUARDED_BY(mutex_);
  std::deque<std::pair<int64_t, RequestId>> by_age_
      GUARDED_BY(mutex_);  // when made, monotonic µs; oldest first
};

}  // namespace beleg::serve
