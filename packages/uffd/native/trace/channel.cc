#include "trace/channel.h"

#include <poll.h>

#include <span>
#include <vector>

#include "kernel/fd_passing.h"

namespace stillframe::trace {

bool Channel::Receive(Request* request) {
  const ssize_t size = ::recv(socket_, request, sizeof(*request), 0);
  return size == static_cast<ssize_t>(sizeof(*request));
}

void Channel::Send(const Reply& reply, int fd) {
  const std::span<const int> fds(&fd, fd >= 0 ? 1 : 0);
  // If it cannot be sent, the other end is gone, and the next Receive says so.
  SendFds(socket_, fds, std::as_bytes(std::span(&reply, 1)), MSG_DONTWAIT);
}

Outcome Channel::Reached(Step step) {
  if (step != pause_at_) return {};
  pause_at_ = Step::kNone;
  Reply reply{};
  reply.command = static_cast<uint32_t>(Command::kPaused);
  reply.step = static_cast<uint32_t>(step);
  Send(reply);
  pollfd answer{socket_, POLLIN, 0};
  Request request{};
  if (::poll(&answer, 1, pause_limit_ms_) <= 0 || !Receive(&request)) return {};
  return request.argument == 0 ? Outcome{} : Outcome{Failure::kInjectionFailed};
}

}  // namespace stillframe::trace
