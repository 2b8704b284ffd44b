// userfaultfd(2), /dev/userfaultfd and the ioctls of the resulting descriptor: one system call per function,
// no policy. Semantics: userfaultfd(2), ioctl_userfaultfd(2), Documentation/admin-guide/mm/userfaultfd.rst.
#pragma once

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "kernel/abi.h"
#include "kernel/result.h"

namespace stillframe {

/// `flags`: O_CLOEXEC, O_NONBLOCK, abi::kUserModeOnly. The value is the new descriptor.
inline SysResult UffdOpen(int flags) { return FromReturn(::syscall(abi::kSysUserfaultfd, flags)); }

/// The same through an open /dev/userfaultfd, whose file permissions take the place of CAP_SYS_PTRACE.
inline SysResult UffdOpenFromDevice(int device_fd, int flags) {
  return FromReturn(::ioctl(device_fd, abi::kDevIocNew, flags));
}

/// On failure the kernel zeroes `api`, and the descriptor may be tried again with fewer features.
inline SysResult UffdApi(int fd, abi::UffdioApi* api) { return FromReturn(::ioctl(fd, abi::kIocApi, api)); }

/// The value is the mask of commands that the range accepts.
inline SysResult UffdRegister(int fd, uint64_t start, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioRegister arg{{start, size_bytes}, mode, 0};
  SysResult result = FromReturn(::ioctl(fd, abi::kIocRegister, &arg));
  result.value = static_cast<int64_t>(arg.ioctls);
  return result;
}

inline SysResult UffdUnregister(int fd, uint64_t start, uint64_t size_bytes) {
  abi::UffdioRange arg{start, size_bytes};
  return FromReturn(::ioctl(fd, abi::kIocUnregister, &arg));
}

inline SysResult UffdWake(int fd, uint64_t start, uint64_t size_bytes) {
  abi::UffdioRange arg{start, size_bytes};
  return FromReturn(::ioctl(fd, abi::kIocWake, &arg));
}

/// The count that the kernel wrote next to the errno: bytes done, or a negative errno, or 0 when it did not
/// get that far.
inline SysResult WithBytesDone(int returned, int64_t bytes_done) {
  SysResult result = FromReturn(returned);
  result.value = bytes_done > 0 ? bytes_done : 0;
  return result;
}

/// The value is the bytes copied, also when the result is EAGAIN for the rest.
inline SysResult UffdCopy(int fd, uint64_t dst, uint64_t src, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioCopy arg{dst, src, size_bytes, mode, 0};
  const int returned = ::ioctl(fd, abi::kIocCopy, &arg);
  return WithBytesDone(returned, arg.copy);
}

/// The value is the bytes mapped, also when the result is EAGAIN for the rest.
inline SysResult UffdZeropage(int fd, uint64_t start, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioZeropage arg{{start, size_bytes}, mode, 0};
  const int returned = ::ioctl(fd, abi::kIocZeropage, &arg);
  return WithBytesDone(returned, arg.zeropage);
}

/// No partial count: on EAGAIN (an event is unread) nothing was changed; the whole range may be tried again.
inline SysResult UffdWriteprotect(int fd, uint64_t start, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioWriteprotect arg{{start, size_bytes}, mode};
  return FromReturn(::ioctl(fd, abi::kIocWriteprotect, &arg));
}

/// The value is the bytes mapped, also when the result is EAGAIN for the rest.
inline SysResult UffdContinue(int fd, uint64_t start, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioContinue arg{{start, size_bytes}, mode, 0};
  const int returned = ::ioctl(fd, abi::kIocContinue, &arg);
  return WithBytesDone(returned, arg.mapped);
}

/// The value is the bytes poisoned, also when the result is EAGAIN for the rest.
inline SysResult UffdPoison(int fd, uint64_t start, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioPoison arg{{start, size_bytes}, mode, 0};
  const int returned = ::ioctl(fd, abi::kIocPoison, &arg);
  return WithBytesDone(returned, arg.updated);
}

/// The value is the bytes moved, also when the result is EAGAIN for the rest.
inline SysResult UffdMove(int fd, uint64_t dst, uint64_t src, uint64_t size_bytes, uint64_t mode) {
  abi::UffdioMove arg{dst, src, size_bytes, mode, 0};
  const int returned = ::ioctl(fd, abi::kIocMove, &arg);
  return WithBytesDone(returned, arg.move);
}

/// Whole messages only; the value is bytes. EAGAIN: nothing is waiting and the descriptor is non-blocking.
inline SysResult UffdRead(int fd, void* messages, size_t size_bytes) {
  return FromReturn(::read(fd, messages, size_bytes));
}

/// The value is the `revents` mask, 0 after `timeout_ms`. A blocking userfaultfd always answers POLLERR.
inline SysResult Poll(int fd, int16_t events, int timeout_ms) {
  pollfd arg{fd, events, 0};
  SysResult result = FromReturn(::poll(&arg, 1, timeout_ms));
  result.value = arg.revents;
  return result;
}

}  // namespace stillframe
