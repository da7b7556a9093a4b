#include "net/worker_pool.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/bounded_queue.h"
#include "base/log.h"
#include "base/thread.h"

namespace beleg::net {

namespace asio = boost::asio;

namespace {

// How often an idle thread looks whether it shall end; Close wakes it at once anyway.
constexpr std::chrono::seconds kIdleLook{1};

class Pool final : public WorkerPool {
 public:
  Pool(size_t threads, size_t queue_max) : queue_({.count_max = queue_max, .bytes_max = SIZE_MAX}) {
    for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
      threads_.emplace_back("net-worker", [this](const std::stop_token& stop) { Work(stop); });
    }
  }
  ~Pool() override {
    for (Thread& thread : threads_) thread.RequestStop();
    queue_.Close();
    threads_.clear();
  }

  bool Run(std::function<void()> work) override { return queue_.TryPush(std::move(work), 0); }

 private:
  void Work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (auto& work : queue_.PopAll(kIdleLook, 1)) work();
    }
  }

  BoundedQueue<std::function<void()>> queue_;
  std::vector<Thread> threads_;
};

HttpResponse RunGuarded(const BlockingHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& error) {
    LOG_ERROR("http.handler_exception", F("what", error.what()));
    return MakeResponse(500, "text/plain; charset=utf-8", "internal error\n");
  }
}

HttpResponse PoolFull() {
  HttpResponse response = MakeResponse(503, "text/plain; charset=utf-8", "too many requests are waiting\n");
  response.headers.Set("retry-after", "1");
  return response;
}

// What a piece of work and the coroutine that waits for it share: std::function must be copyable, a completion is not.
struct Job {
  Exchange& exchange;
  std::shared_ptr<const BlockingHandler> handler;
  std::move_only_function<void(HttpResponse)> done;
  HttpResponse response;
};

// Resumes the coroutine on its own loop.
void Complete(std::shared_ptr<Job> job) {
  auto executor = job->exchange.executor();
  asio::post(executor, [job = std::move(job)] {
    auto done = std::move(job->done);
    done(std::move(job->response));
  });
}

template <class Completion>
void StartJob(Completion completion, WorkerPool& pool, std::shared_ptr<const BlockingHandler> handler,
              Exchange& exchange) {
  auto job = std::make_shared<Job>(exchange, std::move(handler), std::move(completion));
  bool taken = pool.Run([job] {
    job->response = RunGuarded(*job->handler, job->exchange.request());
    Complete(job);
  });
  if (taken) return;
  job->response = PoolFull();
  Complete(std::move(job));
}

Awaitable<void> RunOnPool(WorkerPool& pool, std::shared_ptr<const BlockingHandler> handler,
                          Exchange& exchange) {
  auto start = [](auto completion, WorkerPool* to, std::shared_ptr<const BlockingHandler> what,
                  Exchange* of) { StartJob(std::move(completion), *to, std::move(what), *of); };
  HttpResponse response = co_await asio::async_initiate<decltype(asio::use_awaitable), void(HttpResponse)>(
      start, asio::use_awaitable, &pool, std::move(handler), &exchange);
  auto sent = co_await exchange.Reply(std::move(response));
  if (!sent) LOG_DEBUG("http.client_gone", F("peer", exchange.request().peer));
}

}  // namespace

std::unique_ptr<WorkerPool> WorkerPool::Start(size_t threads, size_t queue_max) {
  return std::make_unique<Pool>(threads, queue_max);
}

Handler OnPool(WorkerPool& pool, BlockingHandler handler) {
  auto shared = std::make_shared<const BlockingHandler>(std::move(handler));
  return [&pool, shared](Exchange& exchange) { return RunOnPool(pool, shared, exchange); };
}

}  // namespace beleg::net
