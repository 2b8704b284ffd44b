// Write protection of the guest's pages through one userfaultfd.
#pragma once

#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>

#include "kernel/abi.h"

namespace stillframe {

class Protector {
 public:
  explicit Protector(int uffd) : uffd_(uffd) {}

  /// 0 or errno. EAGAIN: the address space is changing; an event is to be read before this can work (facts of
  /// userfaultfd(2)).
  int Protect(uint64_t address, uint64_t bytes) const {
    return Change(address, bytes, abi::kWriteprotectModeWp);
  }

  /// Lifts the protection and wakes every writer that waits in the range.
  int Release(uint64_t address, uint64_t bytes) const { return Change(address, bytes, 0); }

  /// Asks the kernel to tell of writes to protected pages. 0 or errno: EBUSY, somebody else was told before;
  /// EINVAL, memory that cannot be protected, or none.
  int Register(uint64_t address, uint64_t bytes) const {
    abi::UffdioRegister range{
        .range = {.start = address, .len = bytes}, .mode = abi::kRegisterModeWp, .ioctls = 0};
    return ioctl(uffd_, abi::kIocRegister, &range) == 0 ? 0 : errno;
  }

  /// Whoever sleeps in the range faults once more.
  void Wake(uint64_t address, uint64_t bytes) const {
    abi::UffdioRange range{.start = address, .len = bytes};
    ioctl(uffd_, abi::kIocWake, &range);
  }

  /// Lifts all protection of a registered range for good and wakes every writer. Unregistering wakes by
  /// itself only where faults on missing pages were asked for, so waking is a step of its own.
  void Unregister(uint64_t address, uint64_t bytes) const {
    abi::UffdioRange range{.start = address, .len = bytes};
    ioctl(uffd_, abi::kIocUnregister, &range);
    ioctl(uffd_, abi::kIocWake, &range);
  }

  /// The same where nothing is protected any more. Unregistering from write protection walks over every page
  /// to lift it (16 ms a GiB); registered for missing pages instead, it does not. Who touches a missing page
  /// just then sleeps until it is unregistered.
  void UnregisterUnprotected(uint64_t address, uint64_t bytes) const {
    abi::UffdioRegister range{
        .range = {.start = address, .len = bytes}, .mode = abi::kRegisterModeMissing, .ioctls = 0};
    ioctl(uffd_, abi::kIocRegister, &range);
    Unregister(address, bytes);
  }

 private:
  int Change(uint64_t address, uint64_t bytes, uint64_t mode) const {
    abi::UffdioWriteprotect change{.range = {.start = address, .len = bytes}, .mode = mode};
    return ioctl(uffd_, abi::kIocWriteprotect, &change) == 0 ? 0 : errno;
  }

  int uffd_;
};

}  // namespace stillframe
