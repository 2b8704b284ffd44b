// The socket to the process that started the tracer.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "kernel/unique_fd.h"
#include "trace/outcome.h"
#include "trace/protocol.h"

namespace stillframe::trace {

class Channel {
 public:
  /// `pause_limit_ms`: how long a pause point waits at most.
  Channel(int socket, int pause_limit_ms) : socket_(socket), pause_limit_ms_(pause_limit_ms) {}

  int socket() const { return socket_; }

  /// Returns false when the other end is closed: its process has ended, or wants no more of us. A descriptor
  /// that came along is for `fd`.
  bool Receive(Request* request, UniqueFd* fd = nullptr);

  /// Never waits: the other end asks one thing at a time.
  void Send(const Reply& reply, int fd = -1);

  void PauseAt(Step step) { pause_at_ = step; }

  /// Waits here if that was asked for. A failure only when that was asked for too.
  Outcome Reached(Step step);

 private:
  int socket_;
  int pause_limit_ms_;
  Step pause_at_ = Step::kNone;
};

}  // namespace stillframe::trace
