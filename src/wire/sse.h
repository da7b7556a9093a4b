// Server-sent events (WHATWG HTML §9.2): writing, and an incremental parser.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace beleg::wire {

// "data: {data}\n\n". data has no line end (CHECK).
std::string SseData(std::string_view data);
// ": {text}\n\n": a comment, which every client ignores. text has no line end (CHECK).
std::string SseComment(std::string_view text);

struct SseEvent {
  std::string event;        // "message" unless said; "" for a comment
  std::string data;         // lines joined by \n
  bool is_comment = false;  // a comment line, given when it is read, also in the middle of an event
  std::string comment;      // its text, without one leading space
};

// Feeds arrive in any pieces; lines end in CR, LF or CRLF. An event that the stream leaves unfinished is not given.
// Fields id and retry are ignored. Holds at most event_bytes_max of an unfinished event: a longer one is skipped and
// sets overflow().
class SseParser {
 public:
  explicit SseParser(size_t event_bytes_max = 1 << 20) : event_bytes_max_(event_bytes_max) {}
  void Feed(std::string_view bytes, const std::function<void(SseEvent)>& on_event);
  bool overflow() const { return overflow_; }

 private:
  void HoldPiece(std::string_view piece);
  void EndLine(std::string_view line, const std::function<void(SseEvent)>& on_event);
  void EndEvent(const std::function<void(SseEvent)>& on_event);
  void AddField(std::string_view name, std::string_view value);
  void Skip();

  const size_t event_bytes_max_;
  std::string line_;  // the unfinished line
  SseEvent pending_;  // the unfinished event
  bool has_data_ = false;
  bool at_start_ = true;     // no line ended yet: a byte order mark may stand here
  bool after_cr_ = false;    // a line feed that comes now belongs to the line end before
  bool skip_line_ = false;   // the rest of a line that was too long
  bool skip_event_ = false;  // the rest of an event that was too long
  bool overflow_ = false;
};

}  // namespace beleg::wire
