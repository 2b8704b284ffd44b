// The memory of another process: a child that writes, pictured through its own userfaultfd and /proc/PID/mem.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "kernel/process.h"
#include "kernel/unique_fd.h"
#include "test/check.h"
#include "test/guest.h"

namespace stillframe::test {

namespace {

constexpr uint64_t kPages = 1024;

/// What parent and child both see.
struct Shared {
  std::atomic<int> uffd{-1};  // the child's number of it
  std::atomic<uint32_t> pause{0};
  std::atomic<uint32_t> resting{0};
  std::atomic<uint64_t> writes{0};
  std::atomic<uint64_t> ledger[kPages]{};
};

/// Writes numbers to its own copy of the memory until it is killed.
class Child {
 public:
  explicit Child(const GuestMemoryMapping& memory)
      : shared_(new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                    Shared) {
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      Body(memory);
    }
    while (shared_->uffd == -1) {
      sched_yield();
    }
  }
  ~Child() {
    Kill();
    munmap(shared_, sizeof(Shared));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The child's userfaultfd, in this process.
  int TakeUffd() {
    if (shared_->uffd < -1) {
      throw Skip("userfaultfd in a child");
    }
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    const auto uffd = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), shared_->uffd.load(), 0));
    Expect(uffd >= 0, "pidfd_getfd");
    return uffd;
  }
  UniqueFd OpenMemory() const {
    return UniqueFd(open(("/proc/" + std::to_string(pid_) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  }
  void AwaitWrites(uint64_t more) const {
    for (const uint64_t until = shared_->writes + more; shared_->writes < until;) {
      sched_yield();
    }
  }
  void Pause() {
    shared_->pause = 1;
    while (shared_->resting == 0) {
      sched_yield();
    }
  }
  void Resume() {
    shared_->pause = 0;
    while (shared_->resting != 0) {
      sched_yield();
    }
  }
  std::vector<uint64_t> Ledger() const {
    std::vector<uint64_t> ledger;
    for (const auto& number : shared_->ledger) {
      ledger.push_back(number);
    }
    return ledger;
  }
  /// It is gone, also for the kernel, when this returns.
  void Kill() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

 private:
  [[noreturn]] void Body(const GuestMemoryMapping& memory) {
    try {
      shared_->uffd = OpenUffd();
    } catch (const Skip&) {
      shared_->uffd = -2;
    }
    uint64_t random = 1;
    for (;;) {
      if (shared_->pause != 0) {
        shared_->resting = 1;
        while (shared_->pause != 0) {
          sched_yield();
        }
        shared_->resting = 0;
      }
      random = random * 6364136223846793005 + 1442695040888963407;
      const uint64_t page = (random >> 33) % kPages;
      const uint64_t number = shared_->writes + 1;
      memory.Write(page, number);
      shared_->ledger[page] = number;
      shared_->writes = number;
    }
  }

  Shared* shared_;
  pid_t pid_;
};

struct ForeignCapture {
  explicit ForeignCapture(const GuestMemoryMapping& memory)
      : child(memory), child_memory(child.OpenMemory()) {
    regions = memory.Region(child_memory.get());
    regions[0].holes_are_zero = false;
    engine = std::make_unique<CaptureEngine>(child.TakeUffd(), regions, RoomyStore(), Discarded::kFail, true,
                                             ready.Callback());
  }

  Child child;
  UniqueFd child_memory;
  std::vector<GuestRegion> regions;
  ReadyFlag ready;
  std::unique_ptr<CaptureEngine> engine;
};

}  // namespace

STILLFRAME_TEST(cut_of_another_process_is_exact) {
  const GuestMemoryMapping memory(kPages);
  ForeignCapture capture(memory);
  capture.child.AwaitWrites(1000);
  while (capture.engine->ArmAhead(256 * kPage)) {
  }
  capture.child.AwaitWrites(100);
  capture.child.Pause();
  const std::vector<uint64_t> ledger = capture.child.Ledger();
  ArmOrThrow(*capture.engine, capture.regions);
  capture.child.Resume();
  capture.child.AwaitWrites(500);
  ExpectCut(*capture.engine, capture.ready, ledger);
  Expect(capture.engine->Shared().counters.fault_pages.load() > 0, "no page was captured by a fault");
  capture.engine->Close();
  capture.child.AwaitWrites(1000);
}

STILLFRAME_TEST(a_process_that_ends_fails_its_capture) {
  const GuestMemoryMapping memory(kPages);
  ForeignCapture capture(memory);
  capture.child.AwaitWrites(100);
  ArmOrThrow(*capture.engine);
  capture.child.Kill();
  capture.engine->Grant(kAllPages, 0);
  Image image(kPages);
  Drain(*capture.engine, capture.ready, image);
  Expect(capture.engine->Shared().failure.load() == Failure::kGuestGone, "pages of a dead process came");
}

STILLFRAME_TEST(arming_a_process_that_has_ended_is_an_error) {
  const GuestMemoryMapping memory(kPages);
  ForeignCapture capture(memory);
  capture.child.Kill();
  while (capture.engine->ArmAhead(256 * kPage)) {
  }
  Expect(capture.engine->Arm() != 0, "a dead process was armed");
}

}  // namespace stillframe::test
