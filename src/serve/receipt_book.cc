#include "serve/receipt_book.h"

namespace beleg::serve {

void ReceiptBook::Begun(const RequestId& id, std::string caller, std::string begin) {
  MutexLock lock(mutex_);
  PageOf(id, std::move(caller)).begin = std::move(begin);
}

void ReceiptBook::Finished(const RequestId& id, std::string caller, std::string finish) {
  MutexLock lock(mutex_);
  PageOf(id, std::move(caller)).finish = std::move(finish);
}

std::optional<ReceiptBook::Page> ReceiptBook::Find(const RequestId& id) {
  MutexLock lock(mutex_);
  Forget();
  auto page = pages_.find(id);
  if (page == pages_.end()) return std::nullopt;
  return page->second;
}

ReceiptBook::Page& ReceiptBook::PageOf(const RequestId& id, std::string caller) {
  auto [page, is_new] = pages_.try_emplace(id);
  if (is_new) {
    page->second.caller = std::move(caller);
    by_age_.emplace_back(options_.clock->MonoMicros(), id);
    Forget();
  }
  return page->second;
}

// Never the newest page: PageOf's caller writes into it.
void ReceiptBook::Forget() {
  const int64_t oldest_us = options_.clock->MonoMicros() - options_.keep_us;
  while (!by_age_.empty() && (pages_.size() > options_.pages_max || by_age_.front().first < oldest_us)) {
    pages_.erase(by_age_.front().second);
    by_age_.pop_front();
  }
}

}  // namespace beleg::serve
