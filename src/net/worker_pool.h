// A few threads for work that blocks (a query, a file), awaited from a loop's coroutine.
#pragma once

#include <functional>
#include <memory>

#include "net/http_server.h"

namespace beleg::net {

// A handler that answers a whole request and may block.
using BlockingHandler = std::function<HttpResponse(const HttpRequest&)>;

class WorkerPool {
 public:
  // threads >= 1; at most queue_max pieces of work wait, more are refused (Run gives false: answer 503).
  static std::unique_ptr<WorkerPool> Start(size_t threads, size_t queue_max);
  virtual ~WorkerPool() = default;  // finishes what runs, drops what waits
  virtual bool Run(std::function<void()> work) = 0;
};

// A Handler that runs the blocking one on the pool and replies with what it returns. The pool outlives the server.
Handler OnPool(WorkerPool& pool, BlockingHandler handler);

}  // namespace beleg::net
