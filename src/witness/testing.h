// For tests: submissions of a log in memory.
#pragma once

#include <string>

#include "net/http.h"
#include "verify/testing.h"
#include "witness/submission.h"

namespace beleg::witness::testing {

// The log's first `size` entries as a log of the same key.
inline verify::testing::TestLog LogOf(const verify::testing::TestLog& log, size_t size) {
  verify::testing::TestLog out({log.entries.begin(), log.entries.begin() + static_cast<ptrdiff_t>(size)},
                               log.origin);
  return out;
}

// What the log sends after it grew from old_size.
inline AddCheckpoint SubmissionOf(const verify::testing::TestLog& log, size_t old_size) {
  AddCheckpoint out{old_size, {}, log.files.at("checkpoint")};
  if (old_size > 0 && old_size < log.leaves.size())
    out.proof = verify::testing::Subproof(log.leaves, old_size, 0, log.leaves.size(), true);
  return out;
}

inline net::HttpRequest Post(const AddCheckpoint& submission) {
  return {"POST", "/add-checkpoint", {}, FormatAddCheckpoint(submission), "127.0.0.1:1"};
}

}  // namespace beleg::witness::testing
