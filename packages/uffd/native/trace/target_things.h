// What our calls make in the target, undone when it goes out of scope.
#pragma once

#include <sys/syscall.h>

#include <cstdint>
#include <utility>

#include "trace/injection.h"

namespace stillframe::trace {

/// A descriptor of the target.
class TargetFd {
 public:
  TargetFd(Injection& injection, int fd) : injection_(injection), fd_(fd) {}
  TargetFd(const TargetFd&) = delete;
  TargetFd& operator=(const TargetFd&) = delete;
  ~TargetFd() { Close(); }

  int get() const { return fd_; }

  Outcome Close() {
    if (fd_ < 0) return {};
    int64_t ignored = 0;
    return injection_.Call(&ignored, SYS_close, {static_cast<uint64_t>(std::exchange(fd_, -1))});
  }

 private:
  Injection& injection_;
  int fd_;
};

/// A mapping of the target.
class TargetMapping {
 public:
  TargetMapping(Injection& injection, uint64_t address, uint64_t size_bytes)
      : injection_(injection), address_(address), size_bytes_(size_bytes) {}
  TargetMapping(const TargetMapping&) = delete;
  TargetMapping& operator=(const TargetMapping&) = delete;
  ~TargetMapping() {
    int64_t ignored = 0;
    injection_.Call(&ignored, SYS_munmap, {address_, size_bytes_});
  }

 private:
  Injection& injection_;
  uint64_t address_;
  uint64_t size_bytes_;
};

}  // namespace stillframe::trace
