#include "trace/injection.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "core/clock.h"
#include "trace/pending_signals.h"
#include "trace/rseq.h"

namespace stillframe::trace {

namespace {

/// What a fault in the program itself raises.
constexpr SignalSet kFaults = SignalBit(SIGSEGV) | SignalBit(SIGBUS) | SignalBit(SIGILL) | SignalBit(SIGFPE) |
                              SignalBit(SIGTRAP) | SignalBit(SIGSYS);
/// With PTRACE_O_TRACESYSGOOD, what a stop at a system call is told by.
constexpr int kSyscallStop = SIGTRAP | 0x80;

}  // namespace

Outcome Injection::Begin(uintptr_t instruction) {
  instruction_ = instruction;
  const SysResult read = arch::ReadRegisters(tid(), &saved_);
  if (read.error == EPROTOTYPE) return {Failure::kThirtyTwoBit};
  if (!read.ok() || !GetSignalMask(tid(), &saved_mask_).ok()) return Lost();
  const uintptr_t abort = RseqAbortAddress(tid(), arch::InstructionPointer(saved_));
  if (abort != 0) arch::SetInstructionPointer(&saved_, abort);
  // A fault of its own may wait to be taken; that must not be mistaken for one of ours.
  const SignalSet waiting = PendingSignals(tid(), Queue::kThread) | PendingSignals(tid(), Queue::kProcess);
  mask_ = ~kFaults | saved_mask_ | waiting;
  if (!SetSignalMask(tid(), mask_).ok()) return Lost();
  begun_ = true;
  return thread_.signal == 0 ? Outcome{} : Requeue();
}

/// The kernel puts a signal that it is told to deliver, but finds blocked, back into its queue.
Outcome Injection::Requeue() {
  mask_ |= SignalBit(thread_.signal);
  const int signal = std::exchange(thread_.signal, 0);
  SetSignalMask(tid(), mask_);
  Ptrace(PTRACE_INTERRUPT, tid());
  if (!Resume(PTRACE_CONT, signal)) return Lost();
  return Run(PTRACE_CONT, Goal::kRest);
}

Outcome Injection::Call(int64_t* result, long number, std::initializer_list<uint64_t> arguments) {
  arch::Arguments all{};
  std::copy(arguments.begin(), arguments.end(), all.begin());
  arch::GeneralRegisters registers = saved_;
  arch::PrepareCall(&registers, instruction_, number, all);
  if (!arch::WriteRegisters(tid(), registers).ok()) return Lost();
  // To the entry of the call, and to its exit.
  for (int stop = 0; stop < 2; ++stop) {
    moved_ = true;
    if (!Resume(PTRACE_SYSCALL, 0)) return Lost();
    if (const Outcome ran = Run(PTRACE_SYSCALL, Goal::kSyscallStop); !ran.ok()) return ran;
  }
  if (!arch::ReadRegisters(tid(), &registers).ok()) return Lost();
  *result = arch::CallResult(registers);
  return {};
}

Outcome Injection::End() {
  if (!std::exchange(begun_, false)) return {};
  Outcome rested;
  if (moved_) {
    if (!arch::WriteRegisters(tid(), saved_).ok()) return Lost();
    Ptrace(PTRACE_INTERRUPT, tid());
    if (!Resume(PTRACE_CONT, 0)) return Lost();
    rested = Run(PTRACE_CONT, Goal::kRest);
  }
  SetSignalMask(tid(), saved_mask_);
  return rested;
}

/// Waits for the goal, with `request` past everything that comes before it.
Outcome Injection::Run(long request, Goal goal) {
  bool in_time = true;
  for (;;) {
    thread_.state = TracedThread::State::kRunning;
    int status = 0;
    const Arrival arrival = WaitForStop(&status);
    if (arrival == Arrival::kLate) {
      if (!in_time) threads_.LetOthersGo(thread_);
      // Frozen, or in a call that does not return: this brings it to rest if anything does.
      Ptrace(PTRACE_INTERRUPT, tid());
      in_time = false;
      continue;
    }
    if (arrival == Arrival::kGone) return Lost();
    thread_.state = TracedThread::State::kStanding;
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    if (event == 0 && signal == kSyscallStop && goal == Goal::kSyscallStop) return {};
    if (event == PTRACE_EVENT_STOP && goal == Goal::kRest) return {};
    if (event == PTRACE_EVENT_STOP && !in_time) return {Failure::kNotStopping};
    int passed_on = 0;
    if (event == 0 && signal != kSyscallStop) {
      if (IsFault(signal)) return {Failure::kInjectionFailed, signal};
      passed_on = signal;
      // Back into the queue; the kernel does not block SIGSTOP, which then is in effect.
      mask_ |= SignalBit(signal);
      SetSignalMask(tid(), mask_);
    }
    // Every stop uses up an interrupt.
    if (goal == Goal::kRest) Ptrace(PTRACE_INTERRUPT, tid());
    if (!Resume(request, passed_on)) return Lost();
  }
}

Injection::Arrival Injection::WaitForStop(int* status) {
  const int64_t deadline_ns = MonotonicNs() + limit_ns_;
  for (;;) {
    const pid_t reported = ::waitpid(tid(), status, __WALL | WNOHANG);
    if (reported < 0) return Arrival::kGone;
    if (reported == tid()) return WIFSTOPPED(*status) ? Arrival::kStopped : Arrival::kGone;
    if (MonotonicNs() >= deadline_ns) return Arrival::kLate;
    threads_.news().Wait(deadline_ns);
  }
}

/// Whether our own call raised it, rather than somebody who sent it.
bool Injection::IsFault(int signal) const {
  siginfo_t info{};
  const bool told = Ptrace(PTRACE_GETSIGINFO, tid(), 0, &info).ok();
  return (kFaults & SignalBit(signal)) != 0 && told && info.si_code > 0;
}

bool Injection::Resume(long request, int signal) const {
  return Ptrace(request, tid(), 0, static_cast<uintptr_t>(signal)).ok();
}

/// Nothing fails on a thread that stands, unless it was killed; then there is nothing to put back.
Outcome Injection::Lost() {
  begun_ = false;
  threads_.Gone(thread_);
  return {Failure::kExited};
}

}  // namespace stillframe::trace
