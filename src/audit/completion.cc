#include "audit/completion.h"

#include "audit/web_client.h"

namespace beleg::audit {
namespace {

using wire::Json;

Result<std::string> FirstModel(WebClient& client) {
  TRY_ASSIGN(Json models, client.GetJson("models"));
  auto id = StringAt(models, "data.0.id");
  if (!id) return Fail(std::move(id.error()), "GET {}/models", client.base_url());
  return id;
}

Result<Completion> Read(const Json& answer) {
  Completion completion;
  TRY_ASSIGN(completion.id, StringAt(answer, "id"));
  TRY_ASSIGN(completion.model, StringAt(answer, "model"));
  TRY_ASSIGN(completion.prompt_tokens, IntAt(answer, "usage.prompt_tokens"));
  TRY_ASSIGN(completion.completion_tokens, IntAt(answer, "usage.completion_tokens"));
  TRY_ASSIGN(const Json* choices, JsonAt(answer, "choices"));
  if (!choices->is_array() || choices->as_array().empty()) return Fail(ErrorCode::kDataLoss, "choices: none");
  for (const Json& choice : choices->as_array()) {
    TRY_ASSIGN(std::string reason, StringAt(choice, "finish_reason"));
    completion.finish_reasons.push_back(std::move(reason));
  }
  // Content is null when the model called a tool.
  if (auto text = StringAt(choices->as_array()[0], "message.content")) completion.text = std::move(*text);
  return completion;
}

}  // namespace

Result<Completion> SendCompletion(const CompletionOptions& options) {
  TRY_ASSIGN(auto client, WebClient::Open(options.base_url, options.api_key, options.timeout));
  std::string model = options.model;
  if (model.empty()) {
    TRY_ASSIGN(model, FirstModel(*client));
  }
  Json message = Json::MakeObject({{"role", "user"}, {"content", options.prompt}});
  Json body = Json::MakeObject({{"model", model},
                                {"messages", Json::MakeArray({std::move(message)})},
                                {"max_tokens", options.max_tokens}});
  TRY_ASSIGN(net::HttpResponse response, client->Post("chat/completions", "application/json", body.Dump()));
  std::string what = "POST " + client->base_url() + "/chat/completions";
  auto answer = Json::Parse(response.body);
  if (!answer) return Fail(ErrorCode::kDataLoss, "{}: {}", what, answer.error().message);
  auto completion = Read(*answer);
  if (!completion) return Fail(std::move(completion.error()), "{}", what);
  completion->begin_receipt = response.headers.Get("Audit-Begin").value_or("");
  completion->finish_receipt = response.headers.Get("Audit-Finish").value_or("");
  return completion;
}

}  // namespace beleg::audit
