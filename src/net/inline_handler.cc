#include "net/inline_handler.h"

#include <memory>

namespace beleg::net {
namespace {

// The answers are shared because a coroutine's frame may outlive the handler that made it.
template <class Answer>
using Shared = std::shared_ptr<const std::function<Answer>>;

Awaitable<void> RunHttp(Shared<HttpResponse(HttpRequest&)> answer, Exchange& exchange) {
  HttpResponse response = (*answer)(exchange.mutable_request());
  // A client that has gone gets no answer; there is nobody to tell.
  [[maybe_unused]] Result<void> sent = co_await exchange.Reply(std::move(response));
}

Awaitable<GrpcReply> RunGrpc(Shared<GrpcReply(GrpcCall)> answer, GrpcCall call) {
  co_return (*answer)(std::move(call));
}

}  // namespace

Handler Inline(std::function<HttpResponse(HttpRequest&)> answer) {
  auto shared = std::make_shared<const std::function<HttpResponse(HttpRequest&)>>(std::move(answer));
  return [shared](Exchange& exchange) { return RunHttp(shared, exchange); };
}

GrpcHandler Inline(std::function<GrpcReply(GrpcCall)> answer) {
  auto shared = std::make_shared<const std::function<GrpcReply(GrpcCall)>>(std::move(answer));
  return [shared](GrpcCall call) { return RunGrpc(shared, std::move(call)); };
}

}  // namespace beleg::net
