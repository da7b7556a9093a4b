#include "collector/inline_handler.h"

#include <memory>

namespace beleg::collector {
namespace {

using Answer = std::function<net::HttpResponse(net::HttpRequest&)>;

// The answer is shared because the coroutine's frame may outlive the lambda that made it.
net::Awaitable<void> Run(std::shared_ptr<const Answer> answer, net::Exchange& exchange) {
  net::HttpResponse response = (*answer)(exchange.mutable_request());
  // A client that has gone gets no answer; there is nobody to tell.
  [[maybe_unused]] Result<void> sent = co_await exchange.Reply(std::move(response));
}

}  // namespace

net::Handler Inline(Answer answer) {
  auto shared = std::make_shared<const Answer>(std::move(answer));
  return [shared](net::Exchange& exchange) { return Run(shared, exchange); };
}

}  // namespace beleg::collector
