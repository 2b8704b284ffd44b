#include "trace/tracer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/clock.h"
#include "trace/arch.h"
#include "trace/injection.h"
#include "trace/proc_files.h"
#include "trace/rseq.h"
#include "trace/syscall_instruction.h"
#include "trace/thread_states.h"
#include "trace/userfault_making.h"

namespace stillframe::trace {

namespace {

constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

Tracer::Tracer(const TracerOptions& options)
    : options_(options),
      channel_(kSocketFd, options.stopped_max_ms),
      threads_(options.pid, kPidfdFd, news_),
      guard_(options.pid, ::getppid()) {}

void Tracer::Run() {
  while (!ended_) {
    pollfd ready[] = {{channel_.socket(), POLLIN, 0}, {news_.fd(), POLLIN, 0}};
    ::poll(ready, std::size(ready), WaitLimitMs());
    if (ready[1].revents != 0) {
      news_.Drain();
      threads_.Reap();
    }
    guard_.Look();
    Request request;
    UniqueFd sent;
    if (ready[0].revents != 0) {
      if (!channel_.Receive(&request, &sent)) break;
      Serve(request, std::move(sent));
      let_go_at_ns_ = MonotonicNs() + options_.stopped_max_ms * kNsPerMs;
    } else if (stopped_ && MonotonicNs() >= let_go_at_ns_) {
      threads_.LetGo();
      Reply reply{};
      reply.failure = static_cast<uint32_t>(Failure::kStoppedTooLong);
      channel_.Send(reply);
      return;
    }
  }
  // First: who has started us is gone, and writers of the target may wait for it.
  guard_.Drop();
  threads_.LetGo();
}

int Tracer::WaitLimitMs() const {
  const int guard_ms = guard_.WaitLimitMs();
  if (!stopped_) return guard_ms;
  // One more, because a fraction is left out.
  const int let_go_ms = static_cast<int>(std::max<int64_t>(0, let_go_at_ns_ - MonotonicNs()) / kNsPerMs) + 1;
  return guard_ms < 0 ? let_go_ms : std::min(guard_ms, let_go_ms);
}

void Tracer::Serve(const Request& request, UniqueFd sent) {
  Reply reply{};
  UniqueFd fd;
  Outcome outcome{Failure::kWrongState};
  switch (static_cast<Command>(request.command)) {
    case Command::kStop:
      if (!stopped_) outcome = Stop(request.argument != 0, &reply, &fd);
      break;
    case Command::kMakeUserfaultfd:
      if (stopped_) outcome = MakeUserfaultfd(&fd);
      break;
    case Command::kResume:
      outcome = Resume();
      break;
    case Command::kPauseAt:
      channel_.PauseAt(static_cast<Step>(request.argument));
      outcome = {};
      break;
    case Command::kGuard:
      if (sent) {
        guard_.Watch(std::move(sent), static_cast<int>(request.argument));
        outcome = {};
      }
      break;
    case Command::kUnguard:
      guard_.Drop();
      outcome = {};
      break;
    default:
      break;
  }
  reply.command = request.command;
  reply.failure = static_cast<uint32_t>(outcome.failure);
  reply.error = outcome.error;
  channel_.Send(reply, fd.get());
}

Outcome Tracer::Stop(bool read_states, Reply* reply, UniqueFd* fd) {
  Outcome outcome = BringToRest(reply);
  ThreadStates states;
  if (outcome.ok() && read_states) outcome = ReadThreadStates(threads_, &states);
  if (!outcome.ok()) {
    // Some may be attached and running: they are detached by our end only.
    threads_.LetGo();
    ended_ = true;
    return outcome;
  }
  reply->thread_count = read_states ? states.thread_count : static_cast<uint32_t>(threads_.standing_count());
  reply->states_bytes = states.size_bytes;
  reply->shared_pending = states.shared_pending;
  *fd = std::move(states.memfd);
  stopped_ = true;
  return {};
}

Outcome Tracer::BringToRest(Reply* reply) {
  const int64_t deadline_ns = MonotonicNs() + options_.stop_timeout_ms * kNsPerMs;
  if (const Outcome seized = threads_.Seize(deadline_ns); !seized.ok()) return seized;
  if (const Outcome reached = channel_.Reached(Step::kSeized); !reached.ok()) return reached;
  reply->interrupted_ns = MonotonicNs();
  if (const Outcome stopped = threads_.Stop(deadline_ns); !stopped.ok()) return stopped;
  reply->stopped_ns = MonotonicNs();
  if (const Outcome settled = SettleRegisters(); !settled.ok()) return settled;
  return channel_.Reached(Step::kStanding);
}

Outcome Tracer::SettleRegisters() {
  for (TracedThread& thread : threads_.all()) {
    if (thread.thirty_two_bit) return {Failure::kThirtyTwoBit};
    if (!arch::RestartInsteadOfEintr(&thread.registers)) continue;
    // Only a thread that was killed meanwhile cannot be written to.
    if (!arch::WriteRegisters(thread.tid, thread.registers).ok()) threads_.Gone(thread);
  }
  return threads_.standing_count() > 0 ? Outcome{} : Outcome{Failure::kExited};
}

Outcome Tracer::MakeUserfaultfd(UniqueFd* uffd) {
  TracedThread* thread = ThreadForInjection();
  if (thread == nullptr) return {Failure::kExited};
  // A filter may kill for a call that it does not know.
  ThreadStatus status;
  if (!ReadThreadStatus(thread->tid, &status).ok()) return {Failure::kExited};
  if (status.seccomp != 0) return {Failure::kSeccomp};
  const uintptr_t instruction = FindSyscallInstruction(thread->tid);
  if (instruction == 0) return {Failure::kInjectionFailed};

  Injection injection(threads_, *thread, options_.stop_timeout_ms * kNsPerMs);
  Outcome outcome = injection.Begin(instruction);
  if (outcome.ok()) outcome = channel_.Reached(Step::kInjecting);
  if (outcome.ok()) outcome = UserfaultMaking(injection, channel_, kPidfdFd).Make(uffd);
  const Outcome ended = injection.End();
  if (outcome.ok()) outcome = ended;
  if (outcome.ok()) outcome = channel_.Reached(Step::kRestored);
  if (!outcome.ok()) uffd->Close();
  if (outcome.failure == Failure::kNotStopping || ended.failure == Failure::kNotStopping) {
    threads_.LetGo();
    ended_ = true;
  }
  return outcome;
}

/// One that needs no special care, if there is one.
TracedThread* Tracer::ThreadForInjection() {
  TracedThread* any = nullptr;
  for (TracedThread& thread : threads_.all()) {
    if (!thread.standing()) continue;
    const bool simple =
        thread.signal == 0 && RseqAbortAddress(thread.tid, arch::InstructionPointer(thread.registers)) == 0;
    if (simple) return &thread;
    if (any == nullptr) any = &thread;
  }
  return any;
}

Outcome Tracer::Resume() {
  if (std::exchange(stopped_, false) && !threads_.LetGo()) ended_ = true;
  return {};
}

}  // namespace stillframe::trace
