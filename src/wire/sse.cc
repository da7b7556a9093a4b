#include "wire/sse.h"

#include <utility>

#include "base/check.h"

namespace beleg::wire {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string Framed(std::string_view before, std::string_view text) {
  CHECK(text.find_first_of("\r\n") == std::string_view::npos, "a line end inside an SSE line");
  std::string out;
  out.reserve(before.size() + text.size() + 2);
  out.append(before).append(text).append("\n\n");
  return out;
}

}  // namespace

std::string SseData(std::string_view data) { return Framed("data: ", data); }
std::string SseComment(std::string_view text) { return Framed(": ", text); }

void SseParser::Feed(std::string_view bytes, const std::function<void(SseEvent)>& on_event) {
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes[0] == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) return HoldPiece(bytes);
    if (line_.empty() && !skip_line_ && end <= event_bytes_max_) {
      EndLine(bytes.substr(0, end), on_event);
    } else {
      HoldPiece(bytes.substr(0, end));
      // A line that was too long counts as one that is not blank, so that it does not end its event.
      EndLine(std::exchange(skip_line_, false) ? std::string_view("x") : std::string_view(line_), on_event);
      line_.clear();
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
  }
}

void SseParser::HoldPiece(std::string_view piece) {
  if (skip_line_) return;
  if (line_.size() + piece.size() > event_bytes_max_) {
    skip_line_ = true;
    line_.clear();
    Skip();
  } else {
    line_ += piece;
  }
}

void SseParser::EndLine(std::string_view line, const std::function<void(SseEvent)>& on_event) {
  if (std::exchange(at_start_, false) && line.starts_with(kByteOrderMark))
    line.remove_prefix(kByteOrderMark.size());
  if (line.empty()) return EndEvent(on_event);
  size_t colon = line.find(':');
  std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (colon == 0) {
    on_event({.event = "", .data = "", .is_comment = true, .comment = std::string(value)});
  } else if (!skip_event_) {
    AddField(name, value);
  }
}

void SseParser::AddField(std::string_view name, std::string_view value) {
  if (name == "event") {
    pending_.event = value;
  } else if (name == "data") {
    if (std::exchange(has_data_, true)) pending_.data += '\n';
    pending_.data += value;
  }
  if (pending_.event.size() + pending_.data.size() > event_bytes_max_) Skip();
}

void SseParser::EndEvent(const std::function<void(SseEvent)>& on_event) {
  SseEvent event = std::exchange(pending_, {});
  bool give = std::exchange(has_data_, false);
  if (std::exchange(skip_event_, false) || !give) return;
  if (event.event.empty()) event.event = "message";
  on_event(std::move(event));
}

void SseParser::Skip() {
  overflow_ = skip_event_ = true;
  pending_ = {};
  has_data_ = false;
}

}  // namespace beleg::wire
