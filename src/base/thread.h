// A named thread that ends the process on an escaped exception and joins in its destructor.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace beleg {

class Thread {
 public:
  Thread() = default;
  // name: at most 15 bytes, shown by ps and gdb. work gets a token that RequestStop and the destructor set.
  Thread(std::string name, std::function<void(std::stop_token)> work);
  Thread(Thread&&) = default;
  Thread& operator=(Thread&&) = default;

  void RequestStop() { thread_.request_stop(); }
  void Join();
  bool joinable() const { return thread_.joinable(); }

 private:
  std::jthread thread_;
};

}  // namespace beleg
