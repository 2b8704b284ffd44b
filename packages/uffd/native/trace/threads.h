// All threads of one process, traced, stopped and let go together.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>

#include "trace/arch.h"
#include "trace/child_signal.h"
#include "trace/outcome.h"
#include "trace/seize_call.h"

namespace stillframe::trace {

struct TracedThread {
  enum class State {
    kRunning,
    kStanding,
    kEnded,  // the first thread, before the others: its number stays, and may be another's
    kGone
  };

  pid_t tid = 0;
  State state = State::kRunning;
  /// The signal that it was about to take when it stopped. Passed on when it is let go: exactly once.
  int signal = 0;
  /// As it stood.
  arch::GeneralRegisters registers{};
  bool thirty_two_bit = false;
  /// Attached by the kernel at its birth, not yet known to be a thread of our process.
  bool newborn = false;

  bool standing() const { return state == State::kStanding; }
};

/// Completeness. A thread is born attached when its maker is. So a list of threads, taken while all we know
/// stand still, that names nobody new proves that we have all of them.
///
/// Cleanliness. A thread stands in one of two places of the kernel's signal code, where it looks for signals
/// before it returns to its program: at an interrupt of ours, or at a signal that it was about to take. In
/// both, the kernel does on the way out what it would have done without us: restart the system call, run the
/// handler. Other stops (a thread was born, a program was executed) are in the middle of a system call: such
/// a thread is sent on to the next clean place.
///
/// Not handled. A thread that waits for its vforked child, or in another uninterruptible sleep, does not
/// stop: the kernel cannot. Then everybody is let go, and the tracer must end, because a running thread
/// cannot be detached by hand.
class Threads {
 public:
  /// `pidfd` tells whether `pid` is still the process it was; not owned.
  Threads(pid_t pid, int pidfd, const ChildSignal& news) : pid_(pid), pidfd_(pidfd), news_(news) {}

  /// Attaches to every thread without interrupting any.
  Outcome Seize(int64_t deadline_ns);
  /// After Seize. On failure the caller lets go.
  Outcome Stop(int64_t deadline_ns);

  /// Detaches from everybody who stands. Returns false when somebody does not: then the tracer must end, and
  /// the kernel detaches the rest.
  bool LetGo();
  /// All but that one, which is kept. Nobody is stopped together any more.
  void LetOthersGo(const TracedThread& kept);

  /// Waits until that one stands or is gone. Returns false at the deadline.
  bool Await(TracedThread& thread, int64_t deadline_ns);

  /// Takes in what happened meanwhile, e.g. the process was killed: without that it could not end.
  void Reap();

  const ChildSignal& news() const { return news_; }
  size_t standing_count() const;
  std::deque<TracedThread>& all() { return threads_; }
  void Gone(TracedThread& thread);

 private:
  Outcome SeizeNew(bool* found_new);
  Outcome SeizeOne(pid_t tid, SeizeCall& seize);
  bool MayHaveBegunAnew(pid_t tid);
  bool StillStand();
  bool HasExited() const;
  TracedThread& Add(pid_t tid, bool newborn);
  TracedThread* Find(pid_t tid);
  void Note(TracedThread& thread, int status);
  void NoteEvent(TracedThread& thread, int event);
  void EndedUnseen(TracedThread& thread);
  void Interrupt(const TracedThread& thread);
  void Detach(TracedThread& thread);

  pid_t pid_;
  int pidfd_;
  const ChildSignal& news_;
  /// A deque: elements stay where they are while threads are born.
  std::deque<TracedThread> threads_;
  /// Numbers of those that are not gone.
  std::unordered_set<pid_t> known_;
  int refusals_ = 0;
  bool attaching_ = false;  // from Seize to LetGo
};

}  // namespace stillframe::trace
