// What differs between processors: registers, and how a system call is made and restarted.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <array>
#include <cstdint>
#include <span>

#include "kernel/result.h"

namespace stillframe::trace::arch {

/// NT_PRSTATUS: of the same name on both.
using GeneralRegisters = user_regs_struct;

/// EPROTOTYPE: the thread runs 32-bit code.
SysResult ReadRegisters(pid_t tid, GeneralRegisters* registers);
SysResult WriteRegisters(pid_t tid, const GeneralRegisters& registers);

using Arguments = std::array<uint64_t, 6>;

/// Turns registers into ones that make a system call next and restart none.
void PrepareCall(GeneralRegisters* registers, uintptr_t instruction, long number, const Arguments& arguments);

/// What the call returned: a value, or an errno negated.
int64_t CallResult(const GeneralRegisters& registers);

uintptr_t InstructionPointer(const GeneralRegisters& registers);
void SetInstructionPointer(GeneralRegisters* registers, uintptr_t address);

/// Some system calls do not restart by themselves after a stop but fail with EINTR, also where no handler
/// ran. Makes such a one restart when no handler runs, and fail with EINTR when one does. Returns whether
/// `registers` were changed.
bool RestartInsteadOfEintr(GeneralRegisters* registers);

/// The instruction that enters the kernel.
std::span<const uint8_t> SyscallInstruction();

/// The regsets that a core dump wants besides NT_PRSTATUS, by NT_ number. Not every processor has every one.
std::span<const int> RegsetTypes();

}  // namespace stillframe::trace::arch
