// Restartable sequences: code that the kernel sends to an abort handler when its thread is preempted inside.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace stillframe::trace {

/// Where the thread, standing at `instruction`, has to go on after something else ran in it: the sequence's
/// abort handler if it is inside one, otherwise 0. The kernel does that by itself for a thread that only
/// stood; but when it sees another instruction pointer meanwhile, it forgets the sequence.
uintptr_t RseqAbortAddress(pid_t tid, uintptr_t instruction);

}  // namespace stillframe::trace
