#if defined(__x86_64__)

#include <elf.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "trace/arch.h"
#include "trace/ptrace_call.h"

namespace stillframe::trace::arch {

namespace {

constexpr uint64_t kNoSystemCall = ~uint64_t{0};
/// EFLAGS.TF: would stop after each instruction.
constexpr uint64_t kTrapFlag = 0x100;
/// include/linux/errno.h, never seen by programs: restart unless a handler runs, then EINTR.
constexpr int64_t kRestartIfNoHandler = 514;

/// signal(7), "Interruption of system calls … by stop signals". A time-out starts anew.
constexpr long kFailAfterStop[] = {
    SYS_epoll_wait,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_semop,
    SYS_semtimedop,
    SYS_rt_sigtimedwait,
    SYS_io_getevents,
    SYS_io_uring_enter,
    // With SO_RCVTIMEO or SO_SNDTIMEO.
    SYS_read,
    SYS_readv,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_recvmmsg,
    SYS_accept,
    SYS_accept4,
    SYS_connect,
    SYS_write,
    SYS_writev,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
};

constexpr uint8_t kSyscall[] = {0x0f, 0x05};

// NT_X86_SHSTK has no name in older headers.
constexpr int kShadowStack = 0x204;
constexpr int kRegsets[] = {NT_FPREGSET, NT_X86_XSTATE, kShadowStack};

}  // namespace

SysResult ReadRegisters(pid_t tid, GeneralRegisters* registers) {
  iovec set{registers, sizeof(*registers)};
  const SysResult read = GetRegset(tid, NT_PRSTATUS, &set);
  if (read.ok() && set.iov_len != sizeof(*registers)) return {0, EPROTOTYPE};
  return read;
}

SysResult WriteRegisters(pid_t tid, const GeneralRegisters& registers) {
  iovec set{const_cast<GeneralRegisters*>(&registers), sizeof(registers)};
  return SetRegset(tid, NT_PRSTATUS, &set);
}

void PrepareCall(GeneralRegisters* registers, uintptr_t instruction, long number,
                 const Arguments& arguments) {
  registers->rip = instruction;
  registers->rax = static_cast<uint64_t>(number);
  registers->orig_rax = kNoSystemCall;
  registers->rdi = arguments[0];
  registers->rsi = arguments[1];
  registers->rdx = arguments[2];
  registers->r10 = arguments[3];
  registers->r8 = arguments[4];
  registers->r9 = arguments[5];
  registers->eflags &= ~kTrapFlag;
}

int64_t CallResult(const GeneralRegisters& registers) { return static_cast<int64_t>(registers.rax); }

uintptr_t InstructionPointer(const GeneralRegisters& registers) { return registers.rip; }

void SetInstructionPointer(GeneralRegisters* registers, uintptr_t address) { registers->rip = address; }

bool RestartInsteadOfEintr(GeneralRegisters* registers) {
  const auto number = static_cast<long>(registers->orig_rax);
  const bool failed = static_cast<int64_t>(registers->rax) == -EINTR;
  if (!failed ||
      std::find(std::begin(kFailAfterStop), std::end(kFailAfterStop), number) == std::end(kFailAfterStop)) {
    return false;
  }
  registers->rax = static_cast<uint64_t>(-kRestartIfNoHandler);
  return true;
}

std::span<const uint8_t> SyscallInstruction() { return kSyscall; }

std::span<const int> RegsetTypes() { return kRegsets; }

}  // namespace stillframe::trace::arch

#endif
