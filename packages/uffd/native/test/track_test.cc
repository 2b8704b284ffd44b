// The tracker against writers that number their writes: whoever copies what it reports has at the end what
// the writers wrote.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kernel/userfault.h"
#include "test/check.h"
#include "test/guest.h"
#include "test/starved_thread.h"
#include "track/async_tracking.h"
#include "track/dirty_tracker.h"
#include "track/sync_tracking.h"

namespace stillframe::test {

namespace {

enum class Kind { kAsync, kAsyncLookingForHoles, kSync };

/// Features as the kernel has them; throws Skip where it has not.
UniqueFd OpenFor(uint64_t features) {
  const SysResult opened = UffdOpen(O_CLOEXEC | O_NONBLOCK | abi::kUserModeOnly);
  if (!opened.ok()) {
    throw Skip(std::string("userfaultfd: ") + std::strerror(opened.error));
  }
  UniqueFd uffd(static_cast<int>(opened.value));
  abi::UffdioApi api{.api = abi::kApi, .features = features, .ioctls = 0};
  if (const SysResult result = UffdApi(uffd.get(), &api); !result.ok()) {
    throw Skip(std::string("UFFDIO_API: ") + std::strerror(result.error));
  }
  return uffd;
}

std::unique_ptr<Tracking> MakeTracking(Kind kind, const GuestMemoryMapping& memory) {
  if (kind == Kind::kSync) {
    UniqueFd uffd(OpenUffd());
    RegisterWp(uffd.get(), memory.Data(), memory.Bytes());
    return std::make_unique<SyncTracking>(std::move(uffd), OpenPagemap(), GuestMemory(memory.Region()),
                                          false);
  }
  UniqueFd uffd = OpenFor(abi::kFeatureWpAsync | abi::kFeatureWpUnpopulated | abi::kFeaturePagefaultFlagWp);
  RegisterWp(uffd.get(), memory.Data(), memory.Bytes());
  return std::make_unique<AsyncTracking>(std::move(uffd), OpenPagemap(), kind == Kind::kAsyncLookingForHoles);
}

/// A copy of the guest that is brought up to date by what a tracker reports.
class Follower {
 public:
  Follower(const GuestMemoryMapping& memory, Kind kind)
      : memory_(memory), tracker_(memory.Region(), MakeTracking(kind, memory)), copy_(memory.Pages()) {
    Do(TrackStep::kStart, ~uint64_t{0});
    for (uint64_t page = 0; page < memory_.Pages(); ++page) {
      Copy(page);
    }
  }

  /// Pages that were reported, and copied. In slices of `bytes`.
  uint64_t Follow(uint64_t bytes = ~uint64_t{0}) {
    Do(TrackStep::kCollect, bytes);
    std::vector<uint64_t> pages;
    tracker_.ForRuns([&](size_t, uint64_t first, uint64_t past) {
      for (uint64_t page = first; page < past; ++page) {
        pages.push_back(page);
      }
    });
    tracker_.Forget();
    for (const uint64_t page : pages) {
      Copy(page);
    }
    return pages.size();
  }

  uint64_t Count() {
    Do(TrackStep::kCount, ~uint64_t{0});
    uint64_t pages = 0;
    tracker_.ForRuns([&](size_t, uint64_t first, uint64_t past) { pages += past - first; });
    tracker_.Forget();
    return pages;
  }

  void ExpectEqualTo(const std::vector<uint64_t>& ledger) const {
    for (uint64_t page = 0; page < ledger.size(); ++page) {
      ExpectEqual(copy_[page], ledger[page], "page " + std::to_string(page));
    }
  }

 private:
  void Do(TrackStep step, uint64_t bytes) {
    tracker_.Begin(step);
    int result = 1;
    while (result > 0) {
      result = tracker_.Step(bytes);
    }
    ExpectEqual(result, 0, "step");
  }

  /// The first and the last word: a page that was copied while it was written is reported again.
  void Copy(uint64_t page) {
    const GuestRegion region = memory_.Region()[0];
    uint64_t words[kPage / sizeof(uint64_t)];
    GuestMemory::Read(region, region.address + page * kPage, reinterpret_cast<uint8_t*>(words), kPage);
    copy_[page] = words[0];
    for (const uint64_t word : words) {
      copy_[page] = word == words[0] ? copy_[page] : kTorn;
    }
  }

  static constexpr uint64_t kTorn = ~uint64_t{0};

  const GuestMemoryMapping& memory_;
  DirtyTracker tracker_;
  std::vector<uint64_t> copy_;
};

void FollowUnderLoad(Kind kind) {
  constexpr uint64_t kPages = 2048;
  GuestMemoryMapping memory(kPages);
  Follower follower(memory, kind);
  Writers writers(memory, 2);
  for (int stop = 0; stop < 8; ++stop) {
    for (int round = 0; round < 6; ++round) {
      writers.AwaitWrites(100);
      follower.Follow(uint64_t{2} << 20);
    }
    writers.AwaitWrites(20);
    writers.Pause();
    follower.Follow();
    follower.ExpectEqualTo(writers.Ledger());
    ExpectEqual(follower.Follow(), 0U, "pages reported of a guest at rest");
    writers.Resume();
  }
}

void FollowDiscards(Kind kind) {
  constexpr uint64_t kTablePages = 512;
  GuestMemoryMapping memory(8 * kTablePages);
  for (uint64_t page = 0; page < memory.Pages(); ++page) {
    memory.Write(page, 7);
  }
  std::vector<uint64_t> ledger(memory.Pages(), 7);
  Follower follower(memory, kind);
  const auto discard = [&](uint64_t first, uint64_t pages) {
    ExpectEqual(madvise(memory.Data() + first * kPage, pages * kPage, MADV_DONTNEED), 0, "madvise");
    std::fill(ledger.begin() + static_cast<ptrdiff_t>(first),
              ledger.begin() + static_cast<ptrdiff_t>(first + pages), 0);
  };
  discard(3, 1);
  discard(kTablePages, 3 * kTablePages);
  discard(6 * kTablePages - 5, 10);
  // One of them has a page again, and is a write of its own.
  memory.Write(kTablePages + 9, 8);
  ledger[kTablePages + 9] = 8;
  ExpectEqual(follower.Count(), 1 + 3 * kTablePages + 10, "pages counted");
  ExpectEqual(follower.Follow(), 1 + 3 * kTablePages + 10, "pages reported");
  follower.ExpectEqualTo(ledger);
  ExpectEqual(follower.Follow(), 0U, "pages reported again");
  // Holes are protected again as well.
  memory.Write(kTablePages + 1, 9);
  ledger[kTablePages + 1] = 9;
  ExpectEqual(follower.Follow(), 1U, "pages reported after a write to a hole");
  follower.ExpectEqualTo(ledger);
}

}  // namespace

STILLFRAME_TEST(a_follower_of_async_tracking_has_what_was_written) { FollowUnderLoad(Kind::kAsync); }
STILLFRAME_TEST(a_follower_of_async_tracking_that_looks_for_holes_has_what_was_written) {
  FollowUnderLoad(Kind::kAsyncLookingForHoles);
}
STILLFRAME_TEST(a_follower_of_sync_tracking_has_what_was_written) { FollowUnderLoad(Kind::kSync); }

STILLFRAME_TEST(sync_tracking_reports_discarded_pages) { FollowDiscards(Kind::kSync); }
STILLFRAME_TEST(looking_for_holes_finds_discarded_pages_on_any_kernel) {
  FollowDiscards(Kind::kAsyncLookingForHoles);
}

STILLFRAME_TEST(discards_in_the_middle_of_sync_tracking_stop_nobody) {
  GuestMemoryMapping memory(1024);
  Follower follower(memory, Kind::kSync);
  Writers writers(memory, 2);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> discards{0};
  std::thread discarder([&] {
    for (uint64_t i = 0; !stop; ++i) {
      madvise(memory.Data() + i * 37 % 960 * kPage, 64 * kPage, MADV_DONTNEED);
      ++discards;
    }
  });
  for (int round = 0; round < 50; ++round) {
    writers.AwaitWrites(20);
    follower.Follow();
  }
  stop = true;
  discarder.join();
  writers.Pause();
  follower.Follow();
  ExpectEqual(follower.Follow(), 0U, "pages reported of a guest at rest");
  // What the discarder took is zero, in both.
  std::vector<uint64_t> now(memory.Pages());
  for (uint64_t page = 0; page < memory.Pages(); ++page) {
    GuestMemory::Read(memory.Region()[0], memory.Region()[0].address + page * kPage,
                      reinterpret_cast<uint8_t*>(&now[page]), sizeof now[page]);
  }
  follower.ExpectEqualTo(now);
  Expect(discards > 0, "nothing was discarded");
  writers.Resume();
}

// The kernel tells of a discard before it takes the pages, and its caller may wait for a processor in
// between.
STILLFRAME_TEST(a_discard_that_is_told_of_before_the_pages_are_gone_is_not_missed) {
  GuestMemoryMapping memory(1024);
  for (uint64_t page = 0; page < memory.Pages(); ++page) {
    memory.Write(page, 7);
  }
  std::vector<uint64_t> ledger(memory.Pages(), 7);
  const TwoProcessors processors;
  Follower follower(memory, Kind::kSync);
  for (uint64_t first = 0; first < memory.Pages(); first += 16) {
    StarvedThread discarder(processors,
                            [&] { madvise(memory.Data() + first * kPage, 8 * kPage, MADV_DONTNEED); });
    while (follower.Count() == 0) {
      sched_yield();
    }
    follower.Follow();  // with the old pages, unless the discarder was quick
    discarder.Join();
    // A page that is there again is a write that nobody waited for.
    memory.Write(first + 3, 8);
    follower.Follow();
    std::fill_n(ledger.begin() + static_cast<ptrdiff_t>(first), 8, 0);
    ledger[first + 3] = 8;
    follower.ExpectEqualTo(ledger);
    ExpectEqual(follower.Follow(), 0U, "pages reported of a guest at rest");
    memory.Write(first + 5, 9);
    ledger[first + 5] = 9;
    ExpectEqual(follower.Follow(), 1U, "pages reported after a write to what was discarded");
    follower.ExpectEqualTo(ledger);
  }
}

STILLFRAME_TEST(closing_a_sync_tracker_frees_its_writers) {
  GuestMemoryMapping memory(256);
  Writers writers(memory, 2);
  for (int round = 0; round < 20; ++round) {
    DirtyTracker tracker(memory.Region(), MakeTracking(Kind::kSync, memory));
    tracker.Begin(TrackStep::kStart);
    ExpectEqual(tracker.Step(~uint64_t{0}), 0, "start");
    tracker.Close();
    writers.AwaitWrites(300);
  }
}

}  // namespace stillframe::test
