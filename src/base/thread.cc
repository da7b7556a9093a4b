#include "base/thread.h"

#include <pthread.h>

#include <exception>

#include "base/log.h"

namespace beleg {

Thread::Thread(std::string name, std::function<void(std::stop_token)> work)
    : thread_([name = std::move(name), work = std::move(work)](std::stop_token stop) {
        ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
        try {
          work(stop);
        } catch (const std::exception& error) {
          LOG_ERROR("thread.exception", F("thread", name), F("what", error.what()));
          std::terminate();
        }
      }) {}

void Thread::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace beleg
