#include "trace/threads.h"

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

/// Every thread that comes to rest wakes us; with hundreds, that would keep the others from doing so.
void Nap() {
  const timespec time{0, kNapNs};
  ::nanosleep(&time, nullptr);
}

}  // namespace

Outcome Threads::Seize(int64_t deadline_ns) {
  bool found_new = true;
  while (found_new) {
    found_new = false;
    if (const Outcome seized = SeizeNew(&found_new); !seized.ok()) return seized;
    if (MonotonicNs() >= deadline_ns) return {Failure::kNotStopping};
  }
  // The number may have been given to another process since it was pinned. Alive now is alive all the time.
  const SysResult alive = FromReturn(::syscall(SYS_pidfd_send_signal, pidfd_, 0, nullptr, 0U));
  if (alive.error == ESRCH) return {Failure::kExited};
  return threads_.empty() ? Outcome{Failure::kExited} : Outcome{};
}

Outcome Threads::Stop(int64_t deadline_ns) {
  // No other work in this loop: between the first and the last, threads see each other stand still.
  for (const TracedThread& thread : threads_) Interrupt(thread);
  for (bool found_new = true; found_new;) {
    // By index: threads are born while we wait for others.
    for (size_t i = 0; i < threads_.size(); ++i) {
      if (!Await(threads_[i], deadline_ns)) return {Failure::kNotStopping};
    }
    if (standing_count() == 0) return {Failure::kExited};
    found_new = false;
    const size_t before = threads_.size();
    if (const Outcome seized = SeizeNew(&found_new); !seized.ok()) return seized;
    for (size_t i = before; i < threads_.size(); ++i) Interrupt(threads_[i]);
  }
  std::erase_if(threads_,
                [](const TracedThread& thread) { return thread.state == TracedThread::State::kGone; });
  return {};
}

Outcome Threads::SeizeNew(bool* found_new) {
  std::vector<pid_t> tids;
  if (const SysResult listed = ListThreads(pid_, &tids); !listed.ok()) {
    const bool gone = listed.error == ENOENT || listed.error == ESRCH;
    return gone ? Outcome{Failure::kExited} : Outcome{Failure::kSystem, listed.error};
  }
  for (const pid_t tid : tids) {
    if (known_.contains(tid)) continue;
    *found_new = true;
    if (const Outcome seized = SeizeOne(tid); !seized.ok()) return seized;
  }
  return {};
}

Outcome Threads::SeizeOne(pid_t tid) {
  const SysResult seized = Ptrace(PTRACE_SEIZE, tid, 0, kOptions);
  if (seized.ok()) {
    Add(tid, false);
    return {};
  }
  if (seized.error == ESRCH) return {};
  ThreadStatus status;
  if (!ReadThreadStatus(tid, &status).ok()) return {};
  if (status.tracer == ::getpid()) {
    Add(tid, true);
    return {};
  }
  if (status.state == 'Z' || status.state == 'X') {
    // The first thread may end before the others and stays in the list: not to be looked at again.
    if (tid == pid_) known_.insert(tid);
    return {};
  }
  return {status.tracer != 0 ? Failure::kAlreadyTraced : Failure::kNotPermitted, seized.error};
}

void Threads::Add(pid_t tid, bool newborn) {
  if (known_.insert(tid).second) threads_.push_back({.tid = tid, .newborn = newborn});
}

void Threads::Gone(TracedThread& thread) {
  thread.state = TracedThread::State::kGone;
  // Its number may come again. That of the first thread stays in the list until the process ends.
  if (thread.tid != pid_) known_.erase(thread.tid);
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
      Gone(thread);
      continue;
    }
    const int64_t now_ns = MonotonicNs();
    if (now_ns >= look_around_ns) {
      if (HasEnded(thread)) {
        Gone(thread);
        continue;
      }
      // A thread that executes a program waits until we have taken notice of the end of the others.
      LookAtOthers();
      look_around_ns = now_ns + kLookAroundNs;
    }
    if (now_ns >= deadline_ns) return false;
    if (woken) Nap();
    woken = !woken && news_.Wait(std::min(deadline_ns, look_around_ns));
  }
  return true;
}

/// The first thread reports its end only after all the others', and never stops.
bool Threads::HasEnded(const TracedThread& thread) const {
  ThreadStatus status;
  return thread.tid == pid_ && ReadThreadStatus(thread.tid, &status).ok() && status.state == 'Z';
}

void Threads::LookAtOthers() {
  for (size_t i = 0; i < threads_.size(); ++i) {
    TracedThread& thread = threads_[i];
    int status = 0;
    const bool running = thread.state == TracedThread::State::kRunning;
    if (running && ::waitpid(thread.tid, &status, __WALL | WNOHANG) == thread.tid) Note(thread, status);
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
    for (TracedThread& other : threads_) {
      if (other.tid == tid) Gone(other);
    }
  }
  // This stop has used up the interrupt.
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
    const auto known = std::find_if(threads_.begin(), threads_.end(), [tid](const TracedThread& thread) {
      return thread.tid == tid && thread.state != TracedThread::State::kGone;
    });
    if (known != threads_.end()) {
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
