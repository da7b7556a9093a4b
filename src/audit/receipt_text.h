// Receipts as clients keep them: a header, a comment of a stream, a member of JSON.
#pragma once

#include <string_view>
#include <vector>

namespace beleg::audit {

// What looks like a receipt in a text ("Audit-Finish: v1.…"), in order. Borrowed from it.
std::vector<std::string_view> ReceiptsIn(std::string_view text);

}  // namespace beleg::audit
