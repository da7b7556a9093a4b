// An error in OpenAI's form: {"error": {"message", "type", "param", "code"}}, with its HTTP status and the word that the record
// keeps (the record never holds the message, which may quote the client).
#pragma once

#include <optional>
#include <string>

#include "net/http.h"
#include "record/audit_record.h"

namespace beleg::serve {

struct ApiError {
  int status = 400;
  record::ErrorType error = record::ErrorType::kInvalidRequest;
  std::string message;
  std::string param;  // JSON path of the field, "" : none
  std::string code;   // "" : null
};

ApiError InvalidField(std::string param, std::string message);

// OpenAI's type for the status: "invalid_request_error", "authentication_error", "rate_limit_error", "server_error" …
std::string_view OpenAiErrorType(int status);

std::string ErrorBody(const ApiError& error);
net::HttpResponse ErrorResponse(const ApiError& error);

}  // namespace beleg::serve
