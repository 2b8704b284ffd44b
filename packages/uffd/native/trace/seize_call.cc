#include "trace/seize_call.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include <cerrno>

#include "trace/ptrace_call.h"

namespace stillframe::trace {

namespace {

constexpr suseconds_t kPatienceUs = 2000;

sigjmp_buf out;
volatile sig_atomic_t calling = 0;

/// The kernel restarts the call when a handler returns. Leaving it by a jump is safe: it has not done
/// anything yet, or all.
void Leave(int) {
  if (calling != 0) siglongjmp(out, 1);
}

void SetTimer(suseconds_t us) {
  const itimerval time{{0, us}, {0, us}};
  ::setitimer(ITIMER_REAL, &time, nullptr);
}

}  // namespace

SeizeCall::SeizeCall() {
  struct sigaction action{};
  action.sa_handler = Leave;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  SetTimer(kPatienceUs);
}

SeizeCall::~SeizeCall() { SetTimer(0); }

SysResult SeizeCall::operator()(pid_t tid, uintptr_t options) {
  if (sigsetjmp(out, 1) != 0) {
    calling = 0;
    return {0, EINTR};
  }
  calling = 1;
  const SysResult result = Ptrace(PTRACE_SEIZE, tid, 0, options);
  calling = 0;
  return result;
}

}  // namespace stillframe::trace
