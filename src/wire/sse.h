// Server-sent events (WHATWG HTML §9.2): writing, and an incremental parser.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace beleg::wire {

// "data: {data}\n\n". data has no newline.
std::string SseData(std::string_view data);
// ": {text}\n\n": a comment, which every client ignores. text has no newline.
std::string SseComment(std::string_view text);

struct SseEvent {
  std::string event;    // "message" unless said
  std::string data;     // lines joined by \n
  std::string comment;  // set instead of data for a comment line
};

// Feeds arrive in any pieces. Holds at most line_bytes_max of an unfinished event; longer ones set overflow().
class SseParser {
 public:
  explicit SseParser(size_t event_bytes_max = 1 << 20) : event_bytes_max_(event_bytes_max) {}
  void Feed(std::string_view bytes, const std::function<void(SseEvent)>& on_event);
  bool overflow() const { return overflow_; }

 private:
  void Line(std::string_view line, const std::function<void(SseEvent)>& on_event);

  const size_t event_bytes_max_;
  std::string line_;
  SseEvent pending_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool overflow_ = false;
};

}  // namespace beleg::wire
