// A connection that carries faults: nothing waits in it for company, and one that is dead is found out.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace stillframe {

/// So long may a question or an answer be without the other side's kernel having it.
inline constexpr int kLaneDeadMs = 5000;

/// What the kernel does not know (a socket of another family) is left as it is.
inline void PrepareFaultSocket(int fd) {
  // Node's are not; who must not wait says so with each call.
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int dead_ms = kLaneDeadMs;
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
  // "Interactive", for queues of the sender that look at it.
  const int priority = 6;
  setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
}

}  // namespace stillframe
