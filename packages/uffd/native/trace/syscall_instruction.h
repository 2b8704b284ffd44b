// Where in the target an instruction enters the kernel.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace stillframe::trace {

/// Its address, or 0. In the kernel's own mapping (vdso), or if the target did away with that, in any code.
uintptr_t FindSyscallInstruction(pid_t tid);

}  // namespace stillframe::trace
