#include "trace/channel.h"

#include <poll.h>

#include <span>
#include <vector>

#include "kernel/fd_passing.h"

namespace stillframe::trace {

bool Channel::Receive(Request* request, UniqueFd* fd) {
  std::vector<int> fds;
  int message_flags = 0;
  const SysResult got =
      ReceiveFds(socket_, std::as_writable_bytes(std::span(request, 1)), 0, &fds, &message_flags);
  for (const int received : fds) {
    UniqueFd owned(received);
    if (fd != nullptr) *fd = std::move(owned);
  }
  return got.ok() && got.value == sizeof(*request);
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
