# Writes OUT, the source of app/build_commit.h, unless it says already which commit SOURCE is at.
execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=* WORKING_DIRECTORY ${SOURCE}
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)  # an archive without its history, or no git
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT [[
#include "app/build_commit.h"

namespace beleg::app {

std::string_view BuildCommit() { return "@commit@"; }

}  // namespace beleg::app
]])
