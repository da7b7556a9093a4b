#include "serve/openai/api_error.h"

#include "wire/json.h"

namespace beleg::serve {

ApiError InvalidField(std::string param, std::string message) {
  return {400, record::ErrorType::kInvalidRequest, std::move(message), std::move(param), "invalid_value"};
}

std::string_view OpenAiErrorType(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

std::string ErrorBody(const ApiError& error) {
  using wire::Json;
  auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return Json::MakeObject({{"error", Json::MakeObject({{"message", error.message},
                                                       {"type", OpenAiErrorType(error.status)},
                                                       {"param", text_or_null(error.param)},
                                                       {"code", text_or_null(error.code)}})}})
      .Dump();
}

net::HttpResponse ErrorResponse(const ApiError& error) {
  net::HttpResponse response = net::MakeResponse(error.status, "application/json", ErrorBody(error));
  if (error.status == 429 || error.status == 503) response.headers.Add("Retry-After", "1");
  if (error.status == 401) response.headers.Add("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace beleg::serve
