#if defined(__aarch64__)

#include <elf.h>

#include <cerrno>

#include "trace/arch.h"
#include "trace/ptrace_call.h"

namespace stillframe::trace::arch {

namespace {

constexpr int kNoSystemCall = -1;
constexpr uint64_t kSingleStep = 1 << 21;  // PSTATE.SS

/// svc #0
constexpr uint8_t kSvc[] = {0x01, 0x00, 0x00, 0xd4};

constexpr int kSystemCall = 0x404;  // NT_ARM_SYSTEM_CALL
// By number, because older headers lack names: TLS, SYSTEM_CALL, SVE, PAC_MASK, TAGGED_ADDR_CTRL, SSVE, ZA,
// ZT.
constexpr int kRegsets[] = {NT_FPREGSET, 0x401, kSystemCall, 0x405, 0x406, 0x409, 0x40b, 0x40c, 0x40d};

}  // namespace

SysResult ReadRegisters(pid_t tid, GeneralRegisters* registers) {
  iovec set{registers, sizeof(*registers)};
  const SysResult read = GetRegset(tid, NT_PRSTATUS, &set);
  if (read.ok() && set.iov_len != sizeof(*registers)) return {0, EPROTOTYPE};
  return read;
}

// The kernel has rewound an interrupted system call before it stops for us, and the registers show that. What
// it would still do on its way out for the call it stopped in must not happen to other registers, so the
// number of the call is taken away together with them.
SysResult WriteRegisters(pid_t tid, const GeneralRegisters& registers) {
  int number = kNoSystemCall;
  iovec call{&number, sizeof(number)};
  if (const SysResult done = SetRegset(tid, kSystemCall, &call); !done.ok()) return done;
  iovec set{const_cast<GeneralRegisters*>(&registers), sizeof(registers)};
  return SetRegset(tid, NT_PRSTATUS, &set);
}

void PrepareCall(GeneralRegisters* registers, uintptr_t instruction, long number,
                 const Arguments& arguments) {
  registers->pc = instruction;
  registers->regs[8] = static_cast<uint64_t>(number);
  for (size_t i = 0; i < arguments.size(); ++i) registers->regs[i] = arguments[i];
  registers->pstate &= ~kSingleStep;
}

int64_t CallResult(const GeneralRegisters& registers) { return static_cast<int64_t>(registers.regs[0]); }

uintptr_t InstructionPointer(const GeneralRegisters& registers) { return registers.pc; }

void SetInstructionPointer(GeneralRegisters* registers, uintptr_t address) { registers->pc = address; }

// The first argument is overwritten by the result and shown nowhere, so the call cannot be made again.
bool RestartInsteadOfEintr(GeneralRegisters*) { return false; }

std::span<const uint8_t> SyscallInstruction() { return kSvc; }

std::span<const int> RegsetTypes() { return kRegsets; }

}  // namespace stillframe::trace::arch

#endif
