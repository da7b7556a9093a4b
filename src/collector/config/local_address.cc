#include "collector/config/local_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>

namespace beleg::collector {
namespace {

bool IsInterface(int family, const void* address, size_t size) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != family) continue;
    const void* own =
        family == AF_INET
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr)
            : &reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr;
    found = found || std::memcmp(own, address, size) == 0;
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace

bool IsLocalHost(const std::string& host) {
  if (host.empty() || host == "localhost" || host == "0.0.0.0" || host == "::") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127 || IsInterface(AF_INET, &v4, sizeof v4);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&v6) || IsInterface(AF_INET6, &v6, sizeof v6);
  return false;
}

}  // namespace beleg::collector
