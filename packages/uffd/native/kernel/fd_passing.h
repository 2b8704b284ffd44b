// Descriptors over a Unix socket (SCM_RIGHTS). One system call per function, no policy. Semantics: unix(7),
// cmsg(3).
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "kernel/result.h"

namespace stillframe {

/// The kernel's SCM_MAX_FD: most descriptors in one message.
inline constexpr size_t kFdsPerMessageMax = 253;

/// `pair` receives two connected, close-on-exec descriptors.
inline SysResult SocketPair(int type, int pair[2]) {
  return FromReturn(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
}

/// The value is the bytes sent; the descriptors travel with the first of them, so `bytes` must not be empty.
inline SysResult SendFds(int socket, std::span<const int> fds, std::span<const std::byte> bytes, int flags) {
  alignas(cmsghdr) char control[CMSG_SPACE(kFdsPerMessageMax * sizeof(int))] = {};
  if (fds.size() > kFdsPerMessageMax) return {0, EINVAL};
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return FromReturn(::sendmsg(socket, &message, flags | MSG_NOSIGNAL));
}

/// The value is the bytes received, 0 at the end of the stream. Appends the descriptors (close-on-exec, the
/// caller's to close) to `fds`;
/// `*message_flags` has MSG_CTRUNC when the kernel dropped some, MSG_TRUNC when a datagram did not fit.
inline SysResult ReceiveFds(int socket, std::span<std::byte> into, int flags, std::vector<int>* fds,
                            int* message_flags) {
  alignas(cmsghdr) char control[CMSG_SPACE(kFdsPerMessageMax * sizeof(int))] = {};
  // Before the call, so that running out of memory cannot lose descriptors.
  fds->reserve(fds->size() + kFdsPerMessageMax);
  iovec data{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const SysResult result = FromReturn(::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC));
  *message_flags = message.msg_flags;
  if (!result.ok()) return result;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      fds->push_back(fd);
    }
  }
  return result;
}

}  // namespace stillframe
