// The commands, and when the target is let go although nobody asked.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "trace/channel.h"
#include "trace/child_signal.h"
#include "trace/guard.h"
#include "trace/threads.h"

namespace stillframe::trace {

struct TracerOptions {
  pid_t pid = 0;
  /// Bound on bringing all threads to rest.
  int stop_timeout_ms = 0;
  /// Bound on a stop during which nobody says anything.
  int stopped_max_ms = 0;
};

/// The target runs on when the other end of the socket is closed, when nobody speaks for too long while it is
/// stopped, and when this process ends. It is never left stopped.
class Tracer {
 public:
  explicit Tracer(const TracerOptions& options);

  /// Serves commands until one of these happens.
  void Run();

 private:
  void Serve(const Request& request, UniqueFd sent);
  Outcome Stop(bool read_states, Reply* reply, UniqueFd* fd);
  Outcome BringToRest(Reply* reply);
  Outcome SettleRegisters();
  Outcome MakeUserfaultfd(UniqueFd* uffd);
  TracedThread* ThreadForInjection();
  Outcome Resume();
  int WaitLimitMs() const;

  TracerOptions options_;
  ChildSignal news_;
  Channel channel_;
  Threads threads_;
  Guard guard_;
  bool stopped_ = false;
  bool ended_ = false;
  int64_t let_go_at_ns_ = 0;  // while stopped
};

}  // namespace stillframe::trace
