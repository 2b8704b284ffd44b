// Signals that wait to be taken.
#pragma once

#include <sys/types.h>

#include "trace/ptrace_call.h"

namespace stillframe::trace {

enum class Queue : uint32_t { kThread = 0, kProcess = PTRACE_PEEKSIGINFO_SHARED };

/// The thread stands.
SignalSet PendingSignals(pid_t tid, Queue queue);

}  // namespace stillframe::trace
