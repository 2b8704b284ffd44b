#include "trace/pending_signals.h"

#include <signal.h>

namespace stillframe::trace {

namespace {

constexpr int kSiginfosPerCall = 32;
/// A queue may hold RLIMIT_SIGPENDING signals, but only 64 kinds of them.
constexpr uint64_t kSiginfosMax = 4096;

}  // namespace

SignalSet PendingSignals(pid_t tid, Queue queue) {
  SignalSet set = 0;
  siginfo_t queued[kSiginfosPerCall];
  for (uint64_t offset = 0; offset < kSiginfosMax; offset += kSiginfosPerCall) {
    ptrace_peeksiginfo_args which{offset, static_cast<uint32_t>(queue), kSiginfosPerCall};
    const SysResult read = Ptrace(PTRACE_PEEKSIGINFO, tid, reinterpret_cast<uintptr_t>(&which), queued);
    if (!read.ok()) break;
    for (int64_t i = 0; i < read.value; ++i) set |= SignalBit(queued[i].si_signo);
    if (read.value < kSiginfosPerCall) break;
  }
  return set;
}

}  // namespace stillframe::trace
