// The keys that may use the API, each under a configured name that records may show.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace beleg::serve {

class ApiKeys {
 public:
  // keys: "SECRET" (named key-1, key-2 …) or "NAME:SECRET" with NAME of letters, digits, '-', '_', at most 32. Empty: no key is asked.
  static Result<ApiKeys> Parse(const std::vector<std::string>& keys);

  bool required() const { return !keys_.empty(); }
  // The caller's name, "anonymous" when no key is asked; nullopt: not authenticated. Compares with every key, in constant time.
  std::optional<std::string> Authenticate(const net::HttpHeaders& headers) const;

 private:
  struct Key {
    std::string name, secret;
  };
  std::vector<Key> keys_;
};

}  // namespace beleg::serve
