// How a check of evidence can end.
#pragma once

#include <string>

namespace beleg::audit {

// Also what decides the exit code, the worst of all items: bad 1, unknown 3, good 0.
enum class Verdict {
  kGood,     // shown
  kBad,      // contradicted: somebody changed, dropped, or lied
  kUnknown,  // neither: a key, an entry, a cosignature or time is missing
};

struct Judgement {
  Verdict verdict = Verdict::kUnknown;
  std::string text;  // what was shown, or what is wrong or missing
};

}  // namespace beleg::audit
