#include "trace/threads.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/clock.h"
#include "trace/proc_files.h"
#include "trace/ptrace_call.h"

namespace stillframe::trace {

namespace {

constexpr uintptr_t kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
/// How long to wait for one thread before looking at what else may have happened.
constexpr int64_t kLookAroundNs = 5'000'000;
/// After the news was of another thread.
constexpr long kNapNs = 30'000;
/// A refusal may be a matter of the moment: while the process executes a program, threads change their
/// numbers, and one that is let go by us may seem to be traced by its parent.
constexpr int kRefusalsMax = 20;

bool HasEnded(const ThreadStatus& status) { return status.state == 'Z' || status.state == 'X'; }

/// Every thread that comes to rest wakes us; with hundreds, that would keep the others from doing so.
void Nap() {
  const timespec time{0, kNapNs};
  ::nanosleep(&time, nullptr);
}

}  // namespace

Outcome Threads::Seize(int64_t deadline_ns) {
  attaching_ = true;
  for (bool found_new = true; found_new;) {
    found_new = false;
    if (const Outcome seized = SeizeNew(&found_new); !seized.ok()) return seized;
    if (MonotonicNs() >= deadline_ns) return {Failure::kNotStopping};
  }
  // The number may have been given to another process since it was pinned. Alive now is alive all the time.
  return HasExited() || threads_.empty() ? Outcome{Failure::kExited} : Outcome{};
}

Outcome Threads::Stop(int64_t deadline_ns) {
  for (bool found_new = true; found_new;) {
    // No other work in this loop: between the first and the last, threads see each other stand still.
    for (const TracedThread& thread : threads_) Interrupt(thread);
    // By index: threads are born while we wait for others.
    for (size_t i = 0; i < threads_.size(); ++i) {
      if (!Await(threads_[i], deadline_ns)) return {Failure::kNotStopping};
    }
    found_new = false;
    if (const Outcome seized = SeizeNew(&found_new); !seized.ok()) return seized;
    if (standing_count() == 0) {
      if (HasExited()) return {Failure::kExited};
      // One of them is about to become the first thread, executing a program.
      found_new = true;
      Nap();
      Reap();
    }
    if (!found_new && !StillStand()) found_new = true;
    if (found_new && MonotonicNs() >= deadline_ns) return {Failure::kNotStopping};
  }
  std::erase_if(threads_, [](const TracedThread& thread) { return !thread.standing(); });
  return {};
}

Outcome Threads::SeizeNew(bool* found_new) {
  std::vector<pid_t> tids;
  if (const SysResult listed = ListThreads(pid_, &tids); !listed.ok()) {
    const bool gone = listed.error == ENOENT || listed.error == ESRCH;
    return gone ? Outcome{Failure::kExited} : Outcome{Failure::kSystem, listed.error};
  }
  SeizeCall seize;
  for (const pid_t tid : tids) {
    if (known_.contains(tid) && !MayHaveBegunAnew(tid)) continue;
    *found_new = true;
    if (const Outcome seized = SeizeOne(tid, seize); !seized.ok()) return seized;
  }
  return {};
}

Outcome Threads::SeizeOne(pid_t tid, SeizeCall& seize) {
  const SysResult seized = seize(tid, kOptions);
  if (seized.ok()) {
    refusals_ = 0;
    Add(tid, false);
    return {};
  }
  if (seized.error == EINTR) Reap();
  if (seized.error != EPERM && seized.error != EINTR) return {};
  ThreadStatus status;
  if (!ReadThreadStatus(tid, &status).ok()) return {};
  if (status.tracer == ::getpid()) {
    Add(tid, true);
  } else if (HasEnded(status)) {
    // Only the first thread stays in the list when it has ended.
    if (tid == pid_) Add(tid, false).state = TracedThread::State::kEnded;
  } else if (seized.error == EPERM && ++refusals_ >= kRefusalsMax) {
    return {status.tracer != 0 ? Failure::kAlreadyTraced : Failure::kNotPermitted, seized.error};
  } else {
    Nap();
  }
  return {};
}

/// A thread may have been killed where it stood: by another that executes a program, and takes the first
/// one's number. Whoever's registers can be read stands, and has stood all the time.
bool Threads::StillStand() {
  for (TracedThread& thread : threads_) {
    if (!thread.standing()) continue;
    const SysResult read = arch::ReadRegisters(thread.tid, &thread.registers);
    thread.thirty_two_bit = read.error == EPROTOTYPE;
    if (!read.ok() && !thread.thirty_two_bit) thread.state = TracedThread::State::kRunning;
  }
  Reap();
  return std::none_of(threads_.begin(), threads_.end(), [](const TracedThread& thread) {
    return thread.state == TracedThread::State::kRunning;
  });
}

/// The first thread had ended, but a thread that executes a program takes its place.
bool Threads::MayHaveBegunAnew(pid_t tid) {
  if (tid != pid_ || Find(tid) == nullptr || Find(tid)->state != TracedThread::State::kEnded) return false;
  ThreadStatus status;
  return ReadThreadStatus(tid, &status).ok() && !HasEnded(status);
}

bool Threads::HasExited() const {
  pollfd process{pidfd_, POLLIN, 0};
  return ::poll(&process, 1, 0) > 0;
}

TracedThread& Threads::Add(pid_t tid, bool newborn) {
  TracedThread* known = Find(tid);
  if (known == nullptr) {
    known_.insert(tid);
    return threads_.emplace_back(TracedThread{.tid = tid, .newborn = newborn});
  }
  if (known->state == TracedThread::State::kEnded) known->state = TracedThread::State::kRunning;
  return *known;
}

TracedThread* Threads::Find(pid_t tid) {
  if (!known_.contains(tid)) return nullptr;
  const auto found = std::find_if(threads_.begin(), threads_.end(), [tid](const TracedThread& thread) {
    return thread.tid == tid && thread.state != TracedThread::State::kGone;
  });
  return found == threads_.end() ? nullptr : &*found;
}

void Threads::Gone(TracedThread& thread) {
  thread.state = TracedThread::State::kGone;
  // Its number may come again.
  known_.erase(thread.tid);
}

void Threads::Interrupt(const TracedThread& thread) {
  if (thread.state == TracedThread::State::kRunning) Ptrace(PTRACE_INTERRUPT, thread.tid);
}

bool Threads::Await(TracedThread& thread, int64_t deadline_ns) {
  int64_t look_around_ns = MonotonicNs() + kLookAroundNs;
  bool woken = false;
  while (thread.state == TracedThread::State::kRunning) {
    int status = 0;
    const pid_t reported = ::waitpid(thread.tid, &status, __WALL | WNOHANG);
    if (reported == thread.tid) {
      Note(thread, status);
      continue;
    }
    if (reported < 0) {
      EndedUnseen(thread);
      continue;
    }
    const int64_t now_ns = MonotonicNs();
    if (now_ns >= look_around_ns) {
      // The first thread reports its end only after all the others', and never stops.
      ThreadStatus status_text;
      const bool first = thread.tid == pid_ && ReadThreadStatus(pid_, &status_text).ok();
      if (first && HasEnded(status_text)) EndedUnseen(thread);
      // A thread that executes a program waits until we have taken notice of the end of the others.
      Reap();
      look_around_ns = now_ns + kLookAroundNs;
    }
    if (now_ns >= deadline_ns) return false;
    if (woken) Nap();
    woken = !woken && news_.Wait(std::min(deadline_ns, look_around_ns));
  }
  return true;
}

void Threads::EndedUnseen(TracedThread& thread) {
  if (thread.tid == pid_) {
    thread.state = TracedThread::State::kEnded;
  } else {
    Gone(thread);
  }
}

void Threads::Note(TracedThread& thread, int status) {
  if (!WIFSTOPPED(status)) {
    Gone(thread);
    return;
  }
  const int event = status >> 16;
  if (thread.newborn && !IsThreadOf(pid_, thread.tid)) {
    // clone() also makes processes. Not ours: it goes its way.
    Ptrace(PTRACE_DETACH, thread.tid, 0, static_cast<uintptr_t>(event == 0 ? WSTOPSIG(status) : 0));
    Gone(thread);
    return;
  }
  thread.newborn = false;
  if (event != 0 && event != PTRACE_EVENT_STOP) {
    NoteEvent(thread, event);
    return;
  }
  thread.state = TracedThread::State::kStanding;
  thread.signal = event == 0 ? WSTOPSIG(status) : 0;
}

void Threads::NoteEvent(TracedThread& thread, int event) {
  uint64_t message = 0;
  Ptrace(PTRACE_GETEVENTMSG, thread.tid, 0, &message);
  const auto tid = static_cast<pid_t>(message);
  if (event == PTRACE_EVENT_CLONE) Add(tid, true);
  if (event == PTRACE_EVENT_EXEC && tid != thread.tid) {
    // The executing thread has become the first one; its own number ended without a report.
    if (TracedThread* former = Find(tid)) Gone(*former);
  }
  // This stop has used up the interrupt.
  thread.state = TracedThread::State::kRunning;
  Ptrace(PTRACE_INTERRUPT, thread.tid);
  Ptrace(PTRACE_CONT, thread.tid);
}

bool Threads::LetGo() {
  bool all = true;
  for (TracedThread& thread : threads_) {
    if (thread.state == TracedThread::State::kRunning) all = false;
    Detach(thread);
  }
  threads_.clear();
  known_.clear();
  refusals_ = 0;
  attaching_ = false;
  Reap();
  return all;
}

void Threads::LetOthersGo(const TracedThread& kept) {
  for (TracedThread& thread : threads_) {
    if (&thread != &kept) Detach(thread);
  }
}

void Threads::Detach(TracedThread& thread) {
  if (!thread.standing()) return;
  // ESRCH: killed meanwhile. Reap takes notice.
  Ptrace(PTRACE_DETACH, thread.tid, 0, static_cast<uintptr_t>(thread.signal));
  Gone(thread);
}

void Threads::Reap() {
  for (;;) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL | WNOHANG);
    if (tid <= 0) return;
    TracedThread* known = Find(tid);
    // Its maker was killed before it could tell us.
    if (known == nullptr && attaching_ && WIFSTOPPED(status)) known = &Add(tid, true);
    if (known != nullptr) {
      Note(*known, status);
    } else if (WIFSTOPPED(status)) {
      const bool signal = status >> 16 == 0;
      Ptrace(PTRACE_DETACH, tid, 0, static_cast<uintptr_t>(signal ? WSTOPSIG(status) : 0));
    }
  }
}

size_t Threads::standing_count() const {
  return static_cast<size_t>(std::count_if(threads_.begin(), threads_.end(),
                                           [](const TracedThread& thread) { return thread.standing(); }));
}

}  // namespace stillframe::trace
