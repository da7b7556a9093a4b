#include "wire/prometheus_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.h"

namespace beleg::wire {
namespace {

bool IsNameByte(char c, bool first) {
  bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  return letter || (!first && c >= '0' && c <= '9');
}

bool ParseValue(std::string_view text, double& out) {
  if (text == "+Inf" || text == "Inf") return out = HUGE_VAL, true;
  if (text == "-Inf") return out = -HUGE_VAL, true;
  if (text == "NaN") return out = std::nan(""), true;
  if (text.starts_with('+')) text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// One line, read from the left.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  void Spaces() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
  }
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view Name() {
    size_t size = 0;
    while (size < rest_.size() && IsNameByte(rest_[size], size == 0)) ++size;
    return Cut(size);
  }
  std::string_view Word() { return Cut(std::min(rest_.find_first_of(" \t"), rest_.size())); }
  std::string_view Rest() { return Cut(rest_.size()); }
  bool empty() const { return rest_.empty(); }

  // What stands between quotes, escapes undone; nullopt when the closing one is missing.
  std::optional<std::string> Quoted() {
    std::string out;
    if (!Take('"')) return std::nullopt;
    while (!rest_.empty() && rest_[0] != '"') {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '\\' && !rest_.empty()) {
        c = rest_[0] == 'n' ? '\n' : rest_[0];
        rest_.remove_prefix(1);
      }
      out += c;
    }
    return Take('"') ? std::optional(out) : std::nullopt;
  }

 private:
  std::string_view Cut(size_t size) {
    std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view rest_;
};

class Parser {
 public:
  // False when error_ is set.
  bool Take(std::string_view text) {
    Line line(text);
    line.Spaces();
    if (line.empty()) return true;
    return line.Take('#') ? Comment(line) : Sample(line);
  }

  std::vector<PrometheusFamily> families_;
  std::string error_;

 private:
  bool Refuse(std::string what) {
    error_ = std::move(what);
    return false;
  }

  bool Comment(Line& line) {
    line.Spaces();
    std::string_view keyword = line.Word();
    if (keyword != "HELP" && keyword != "TYPE") return true;
    line.Spaces();
    std::string name(line.Name());
    if (name.empty()) return Refuse("no metric name");
    line.Spaces();
    PrometheusFamily& family = Open(name);
    if (keyword == "HELP") {
      family.help = line.Rest();
      return true;
    }
    constexpr std::string_view kTypes[] = {"untyped", "counter", "gauge", "histogram", "summary"};
    auto type = std::ranges::find(kTypes, line.Word());
    family.type =
        type == std::end(kTypes) ? PrometheusType::kUntyped : static_cast<PrometheusType>(type - kTypes);
    return true;
  }

  bool Sample(Line& line) {
    if (++samples_ > kPrometheusSamplesMax)
      return Refuse(fmt::format("more than {} samples", kPrometheusSamplesMax));
    PrometheusSample sample;
    sample.name = line.Name();
    if (sample.name.empty()) return Refuse("no metric name");
    line.Spaces();
    if (line.Take('{') && !Labels(line, sample)) return false;
    line.Spaces();
    if (!ParseValue(line.Word(), sample.value)) return Refuse(fmt::format("{}: no number", sample.name));
    line.Spaces();
    if (std::string_view time = line.Word(); !time.empty()) {
      auto number = ParseInt64(time.starts_with('-') ? time.substr(1) : time);
      if (!number) return Refuse(fmt::format("{}: no timestamp: {}", sample.name, time));
      sample.time_unix_ms = time.starts_with('-') ? -*number : *number;
    }
    Home(sample.name).samples.push_back(std::move(sample));
    return true;
  }

  bool Labels(Line& line, PrometheusSample& sample) {
    while (true) {
      line.Spaces();
      if (line.Take('}')) return true;
      std::string name(line.Name());
      line.Spaces();
      if (name.empty() || !line.Take('=')) return Refuse(fmt::format("{}: bad label", sample.name));
      line.Spaces();
      auto value = line.Quoted();
      if (!value) return Refuse(fmt::format("{}: label {} has no closing quote", sample.name, name));
      sample.labels.emplace_back(std::move(name), std::move(*value));
      line.Spaces();
      if (line.Take(',')) continue;
      return line.Take('}') || Refuse(fmt::format("{}: labels do not end", sample.name));
    }
  }

  PrometheusFamily& Open(const std::string& name) {
    if (families_.empty() || families_.back().name != name)
      families_.push_back({name, "", PrometheusType::kUntyped, {}});
    return families_.back();
  }

  // The family that a sample of this name belongs to: the open one, if its name plus a suffix of its type.
  PrometheusFamily& Home(const std::string& name) {
    if (!families_.empty()) {
      const PrometheusFamily& open = families_.back();
      bool composed = open.type == PrometheusType::kHistogram || open.type == PrometheusType::kSummary;
      if (name == open.name) return families_.back();
      for (std::string_view suffix : {"_bucket", "_sum", "_count"})
        if (composed && name == open.name + std::string(suffix)) return families_.back();
    }
    return Open(name);
  }

  size_t samples_ = 0;
};

}  // namespace

Result<std::vector<PrometheusFamily>> ParsePrometheusText(std::string_view text) {
  Parser parser;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!parser.Take(line)) return Fail(ErrorCode::kInvalidArgument, "line {}: {}", number, parser.error_);
  }
  return std::move(parser.families_);
}

}  // namespace beleg::wire
