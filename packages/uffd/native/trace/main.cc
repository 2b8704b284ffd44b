// stillframe-tracer PID STOP_TIMEOUT_MS STOPPED_MAX_MS, with a socket (3) and a pidfd (4): see protocol.h.
//
// A process of its own, because only so it outlives the one that asked: that one may be killed while the
// target runs a system call for us, and somebody has to put the registers back.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "kernel/unique_fd.h"
#include "trace/protocol.h"
#include "trace/tracer.h"

namespace {

/// Signals that are meant for the whole terminal or session of the one who started us.
constexpr int kIgnored[] = {SIGINT,  SIGTERM, SIGHUP,  SIGPIPE, SIGQUIT,
                            SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2};

constexpr int kHighestPriority = -20;

/// Each of these helps and none is needed.
void Harden() {
  ::setsid();
  for (const int signal : kIgnored) ::signal(signal, SIG_IGN);
  const stillframe::UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  const std::string_view never = "-1000";
  if (score) static_cast<void>(!::write(score.get(), never.data(), never.size()));
  // Short naps are short.
  ::prctl(PR_SET_TIMERSLACK, 1);
  ::setpriority(PRIO_PROCESS, 0, kHighestPriority);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  // Before anything is attached: a descriptor that was left open by mistake is not ours to keep.
  ::syscall(SYS_close_range, stillframe::trace::kPidfdFd + 1, ~0U, 0U);
  Harden();
  stillframe::trace::Tracer tracer({std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3])});
  tracer.Run();
  return 0;
}
