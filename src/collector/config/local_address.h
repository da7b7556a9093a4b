// Is an address one of this machine's own?
#pragma once

#include <string>

namespace beleg::collector {

// True for "localhost", "", loopback and unspecified addresses, and those of this machine's interfaces. Names are not looked up.
bool IsLocalHost(const std::string& host);

}  // namespace beleg::collector
