// Receipts as clients keep them: a header, a comment of a stream, a member of JSON.
#pragma once

#include <string_view>
#include <vector>

namespace beleg::audit {

// What looks like a receipt in a text ("Audit-Finish: v1.…"), in order; also one that is cut, if its name stands before it. Borrowed from
// the text.
std::vector<std::string_view> ReceiptsIn(std::string_view text);

}  // namespace beleg::audit
