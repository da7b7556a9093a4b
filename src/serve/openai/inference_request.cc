#include "serve/openai/inference_request.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "wire/json.h"

namespace beleg::serve {
namespace {

using wire::Json;

constexpr size_t kStopCountMax = 16;
constexpr size_t kStopBytesMax = 1024;
constexpr size_t kMessagesMax = 10'000;
constexpr int64_t kChoicesMax = 128;
constexpr int64_t kMaxTokensMax = std::numeric_limits<int32_t>::max();

// Known, and without effect on the text: accepted, named in the record.
constexpr std::string_view kIgnored[] = {
    "metadata",         "store",    "service_tier",      "parallel_tool_calls",
    "prompt_cache_key", "priority", "safety_identifier", "reasoning_effort"};

// Known, and not to be had yet: refused unless they ask for nothing.
constexpr std::string_view kUnsupported[] = {
    "tools",       "tool_choice",  "functions",     "function_call",
    "logprobs",    "top_logprobs", "logit_bias",    "echo",
    "suffix",      "audio",        "modalities",    "prediction",
    "guided_json", "guided_regex", "guided_choice", "structured_outputs"};

// 5 and 5.0 are whole numbers; a double beyond what it can hold exactly is none.
std::optional<int64_t> WholeNumber(const Json& json) {
  if (json.is_int()) return json.as_int();
  constexpr double kExactMax = 9007199254740992.0;  // 2^53
  if (!json.is_double() || std::trunc(json.as_double()) != json.as_double()) return std::nullopt;
  if (std::abs(json.as_double()) > kExactMax) return std::nullopt;
  return static_cast<int64_t>(json.as_double());
}

// Reads members one by one; the first error stays.
class Reader {
 public:
  explicit Reader(const Json& body) : body_(body) {}

  bool failed() const { return failed_; }
  ApiError TakeError() { return std::move(error_); }
  void Fail(std::string param, std::string message) {
    if (!failed_) error_ = InvalidField(std::move(param), std::move(message));
    failed_ = true;
  }
  void WrongType(std::string param, std::string_view want, const Json& got) {
    Fail(param, fmt::format("{} must be {}, not {}", param, want, got.type_name()));
  }

  const Json* Member(std::string_view name) const {
    const Json* member = body_.Find(name);
    return member != nullptr && !member->is_null() ? member : nullptr;
  }
  void Int(std::string_view name, int64_t low, int64_t high, int64_t& out) {
    const Json* member = Member(name);
    if (member == nullptr) return;
    std::optional<int64_t> value = WholeNumber(*member);
    if (!value && member->is_number())
      return Fail(std::string(name),
                  fmt::format("{} must be a whole number within {} and {}", name, low, high));
    if (!value) return WrongType(std::string(name), "a whole number", *member);
    if (*value < low || *value > high)
      return Fail(std::string(name),
                  fmt::format("{} must be within {} and {}, not {}", name, low, high, *value));
    out = *value;
  }
  void Double(std::string_view name, double low, double high, double& out) {
    const Json* member = Member(name);
    if (member == nullptr) return;
    if (!member->is_number()) return WrongType(std::string(name), "a number", *member);
    if (!(member->as_double() >= low && member->as_double() <= high))
      return Fail(std::string(name),
                  fmt::format("{} must be within {} and {}, not {}", name, low, high, member->as_double()));
    out = member->as_double();
  }
  void Bool(std::string_view name, bool& out) {
    const Json* member = Member(name);
    if (member == nullptr) return;
    if (!member->is_bool()) return WrongType(std::string(name), "a boolean", *member);
    out = member->as_bool();
  }
  void String(std::string_view name, std::string& out) {
    const Json* member = Member(name);
    if (member == nullptr) return;
    if (!member->is_string()) return WrongType(std::string(name), "a string", *member);
    out = member->as_string();
  }

 private:
  const Json& body_;
  bool failed_ = false;
  ApiError error_;
};

// A message's content: a string, null, or parts of type text, which are joined.
void ReadContent(const Json* content, const std::string& path, Reader& reader, std::string& out) {
  if (content == nullptr || content->is_null()) return;
  if (content->is_string()) {
    out = content->as_string();
    return;
  }
  if (!content->is_array()) return reader.WrongType(path, "a string or an array of parts", *content);
  for (size_t i = 0; i < content->as_array().size(); ++i) {
    const Json& part = content->as_array()[i];
    std::string part_path = fmt::format("{}[{}]", path, i);
    const Json* type = part.Find("type");
    const Json* text = part.Find("text");
    if (type == nullptr || !type->is_string())
      return reader.Fail(part_path + ".type", "each content part needs a type");
    if (type->as_string() != "text")
      return reader.Fail(part_path + ".type", "only content parts of type text can be read by this model");
    if (text == nullptr || !text->is_string())
      return reader.Fail(part_path + ".text", "a text part needs a text");
    out += text->as_string();
  }
}

void ReadMessages(Reader& reader, std::vector<engine::ChatMessage>& out) {
  const Json* messages = reader.Member("messages");
  if (messages == nullptr) return reader.Fail("messages", "messages is required");
  if (!messages->is_array()) return reader.WrongType("messages", "an array", *messages);
  if (messages->as_array().empty()) return reader.Fail("messages", "messages must hold at least one message");
  if (messages->as_array().size() > kMessagesMax)
    return reader.Fail("messages", fmt::format("more than {} messages", kMessagesMax));
  for (size_t i = 0; i < messages->as_array().size() && !reader.failed(); ++i) {
    const Json& message = messages->as_array()[i];
    std::string path = fmt::format("messages[{}]", i);
    if (!message.is_object()) return reader.WrongType(path, "an object", message);
    const Json* role = message.Find("role");
    if (role == nullptr || !role->is_string())
      return reader.Fail(path + ".role", "each message needs a role");
    engine::ChatMessage chat{role->as_string(), ""};
    if (chat.role == "developer") chat.role = "system";
    if (chat.role != "system" && chat.role != "user" && chat.role != "assistant" && chat.role != "tool")
      return reader.Fail(path + ".role", "role must be system, developer, user, assistant or tool");
    ReadContent(message.Find("content"), path + ".content", reader, chat.content);
    out.push_back(std::move(chat));
  }
}

void ReadPrompt(Reader& reader, InferenceRequest& out) {
  const Json* prompt = reader.Member("prompt");
  if (prompt == nullptr) return reader.Fail("prompt", "prompt is required");
  if (prompt->is_array() && prompt->as_array().size() == 1 && !prompt->as_array()[0].is_number())
    prompt = &prompt->as_array()[0];  // one prompt in a list
  if (prompt->is_string()) {
    out.prompt = prompt->as_string();
    if (out.prompt.empty()) reader.Fail("prompt", "prompt must not be empty");
    return;
  }
  if (!prompt->is_array()) return reader.WrongType("prompt", "a string or an array of tokens", *prompt);
  if (prompt->as_array().empty()) return reader.Fail("prompt", "prompt must not be empty");
  for (size_t i = 0; i < prompt->as_array().size(); ++i) {
    const Json& token = prompt->as_array()[i];
    if (token.is_string()) return reader.Fail("prompt", "one prompt a request: send several requests");
    if (!token.is_int() || token.as_int() < 0 || token.as_int() > std::numeric_limits<int32_t>::max())
      return reader.Fail(fmt::format("prompt[{}]", i), "a token must be a whole number of at least 0");
    out.prompt_tokens.push_back(static_cast<engine::Token>(token.as_int()));
  }
}

void ReadStop(Reader& reader, std::vector<std::string>& out) {
  const Json* stop = reader.Member("stop");
  if (stop == nullptr) return;
  Json::Array items = stop->is_array() ? stop->as_array() : Json::Array{*stop};
  if (items.size() > kStopCountMax)
    return reader.Fail("stop", fmt::format("more than {} stop texts", kStopCountMax));
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) return reader.WrongType("stop", "a string or an array of strings", items[i]);
    if (items[i].as_string().empty() || items[i].as_string().size() > kStopBytesMax)
      return reader.Fail(fmt::format("stop[{}]", i),
                         fmt::format("a stop text has 1 to {} bytes", kStopBytesMax));
    out.push_back(items[i].as_string());
  }
}

void ReadStreamOptions(Reader& reader, const record::Params& params, bool& include_usage) {
  const Json* options = reader.Member("stream_options");
  if (options == nullptr) return;
  if (!options->is_object()) return reader.WrongType("stream_options", "an object", *options);
  if (!params.stream) return reader.Fail("stream_options", "stream_options needs stream to be true");
  const Json* usage = options->Find("include_usage");
  if (usage == nullptr || usage->is_null()) return;
  if (!usage->is_bool()) return reader.WrongType("stream_options.include_usage", "a boolean", *usage);
  include_usage = usage->as_bool();
}

// A field that asks for nothing: null, false, 0, "", [], {}, "none", "auto" of no tools.
bool AsksForNothing(const Json& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.as_double() == 0;
  if (value.is_string())
    return value.as_string().empty() || value.as_string() == "none" || value.as_string() == "auto";
  if (value.is_array()) {
    const Json::Array& items = value.as_array();
    return items.empty() || (items.size() == 1 && items[0] == Json("text"));  // modalities
  }
  return value.is_null() || (value.is_object() && value.as_object().empty());
}

void ReadUnsupported(Reader& reader) {
  for (std::string_view name : kUnsupported) {
    const Json* member = reader.Member(name);
    if (member != nullptr && !AsksForNothing(*member))
      return reader.Fail(std::string(name), fmt::format("{} is not supported by this server", name));
  }
  int64_t best_of = 1;
  reader.Int("best_of", 1, 1, best_of);
  const Json* format = reader.Member("response_format");
  if (format == nullptr) return;
  const Json* type = format->Find("type");
  if (type == nullptr || !type->is_string())
    return reader.Fail("response_format.type", "response_format needs a type");
  if (type->as_string() != "text")
    reader.Fail("response_format.type", "only response_format of type text is supported by this server");
}

void CountOtherFields(const Json& body, record::Params& params) {
  constexpr std::string_view kRead[] = {"model",
                                        "messages",
                                        "prompt",
                                        "max_tokens",
                                        "max_completion_tokens",
                                        "temperature",
                                        "top_p",
                                        "top_k",
                                        "min_p",
                                        "seed",
                                        "n",
                                        "stop",
                                        "stream",
                                        "stream_options",
                                        "user",
                                        "best_of",
                                        "ignore_eos",
                                        "presence_penalty",
                                        "frequency_penalty",
                                        "repetition_penalty",
                                        "response_format"};
  for (const auto& [name, value] : body.as_object()) {
    if (std::ranges::find(kRead, name) != std::end(kRead)) continue;
    if (std::ranges::find(kUnsupported, name) != std::end(kUnsupported)) continue;
    auto known = std::ranges::find(kIgnored, name);
    if (known == std::end(kIgnored)) {
      ++params.unknown_fields;
    } else {
      params.ignored.emplace_back(*known);
    }
  }
  std::ranges::sort(params.ignored);
}

void ReadParams(Reader& reader, InferenceRequest& out) {
  record::Params& params = out.params;
  reader.Int("max_tokens", 1, kMaxTokensMax, params.max_tokens);
  reader.Int("max_completion_tokens", 1, kMaxTokensMax, params.max_tokens);
  reader.Double("temperature", 0, 2, params.temperature);
  reader.Double("top_p", 0, 1, params.top_p);
  reader.Int("top_k", -1, kMaxTokensMax, params.top_k);
  reader.Double("min_p", 0, 1, out.min_p);
  reader.Double("presence_penalty", -2, 2, params.presence_penalty);
  reader.Double("frequency_penalty", -2, 2, params.frequency_penalty);
  reader.Double("repetition_penalty", 0.01, 10, out.repetition_penalty);
  reader.Int("n", 1, kChoicesMax, params.choices);
  reader.Bool("stream", params.stream);
  reader.Bool("ignore_eos", out.ignore_eos);
  constexpr int64_t kExactMax = (int64_t{1} << 53) - 1;  // integers in records stay exact in JSON
  int64_t seed = 0;
  reader.Int("seed", -kExactMax, kExactMax, seed);
  if (reader.Member("seed") != nullptr) params.seed = seed;
  params.top_k = std::max<int64_t>(params.top_k, 0);
  ReadStop(reader, out.stop);
  params.stop_count = static_cast<int64_t>(out.stop.size());
  ReadStreamOptions(reader, params, out.include_usage);
}

ApiError TooLong(record::Operation operation, std::string message) {
  return {400, record::ErrorType::kContextLength, std::move(message),
          operation == record::Operation::kChat ? "messages" : "prompt", "context_length_exceeded"};
}

}  // namespace

std::expected<InferenceRequest, ApiError> ParseInferenceRequest(record::Operation operation,
                                                                std::string_view body) {
  Result<Json> json = Json::Parse(body);
  if (!json) return std::unexpected(InvalidField("", "the body is not JSON: " + json.error().message));
  if (!json->is_object())
    return std::unexpected(
        InvalidField("", fmt::format("the body must be an object, not {}", json->type_name())));
  Reader reader(*json);
  InferenceRequest out;
  out.operation = operation;
  if (reader.Member("model") == nullptr) reader.Fail("model", "model is required");
  reader.String("model", out.model);
  reader.String("user", out.user);
  if (operation == record::Operation::kChat) {
    ReadMessages(reader, out.messages);
  } else {
    ReadPrompt(reader, out);
  }
  ReadParams(reader, out);
  ReadUnsupported(reader);
  if (reader.failed()) return std::unexpected(reader.TakeError());
  CountOtherFields(*json, out.params);
  return out;
}

std::expected<void, ApiError> FitText(record::Operation operation, size_t text_bytes,
                                      const engine::ModelInfo& model) {
  int64_t bytes_max = model.context_tokens * model.token_bytes_max;
  if (bytes_max == 0 || static_cast<int64_t>(text_bytes) <= bytes_max) return {};
  return std::unexpected(
      TooLong(operation,
              fmt::format("This model's context is {} tokens, at most {} bytes of text; the prompt has {}.",
                          model.context_tokens, bytes_max, text_bytes)));
}

std::expected<void, ApiError> FitContext(InferenceRequest& request, int64_t prompt_tokens,
                                         int64_t context_tokens) {
  int64_t room = context_tokens - prompt_tokens;
  bool fits = room >= std::max<int64_t>(request.params.max_tokens, 1);
  if (!fits) {
    return std::unexpected(TooLong(
        request.operation,
        fmt::format("This model's context is {} tokens; the prompt has {} and {} more were asked for.",
                    context_tokens, prompt_tokens, std::max<int64_t>(request.params.max_tokens, 1))));
  }
  constexpr int64_t kCompletionsDefault = 16;  // OpenAI's
  if (request.params.max_tokens == 0)
    request.params.max_tokens =
        request.operation == record::Operation::kChat ? room : std::min(room, kCompletionsDefault);
  return {};
}

engine::Sampling SamplingOf(const InferenceRequest& request) {
  const record::Params& params = request.params;
  engine::Sampling sampling;
  sampling.temperature = params.temperature;
  sampling.top_p = params.top_p;
  sampling.top_k = params.top_k;
  sampling.min_p = request.min_p;
  sampling.presence_penalty = params.presence_penalty;
  sampling.frequency_penalty = params.frequency_penalty;
  sampling.repetition_penalty = request.repetition_penalty;
  if (params.seed) sampling.seed = static_cast<uint64_t>(*params.seed);
  return sampling;
}

}  // namespace beleg::serve
