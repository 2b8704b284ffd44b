// The engine on the real kernel: what a cut shows, and what happens to writers.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "kernel/unique_fd.h"
#include "test/check.h"
#include "test/guest.h"

namespace stillframe::test {

namespace {

/// A thread that writes one page and says when it is through.
class OneWrite {
 public:
  OneWrite(const GuestMemoryMapping& memory, uint64_t page, uint64_t value)
      : thread_([this, &memory, page, value] {
          memory.Write(page, value);
          done_ = true;
          done_.notify_all();
        }) {}
  ~OneWrite() { thread_.join(); }
  bool Done() const { return done_; }
  void Await() { done_.wait(false); }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

void AwaitFaults(const CaptureEngine& engine, uint64_t count) {
  while (engine.Shared().counters.faults.load() < count) {
    std::this_thread::yield();
  }
}

}  // namespace

STILLFRAME_TEST(cut_shows_the_memory_at_arm_under_load) {
  const GuestMemoryMapping memory(4096);
  Writers writers(memory, 3);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  PictureUnderLoad(writers, *engine, ready);
}

STILLFRAME_TEST(cut_holds_when_read_through_the_kernel) {
  const GuestMemoryMapping memory(2048);
  Writers writers(memory, 2);
  ReadyFlag ready;
  const UniqueFd own_memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  const auto engine = Open(memory, ready, RoomyStore(), own_memory.get());
  PictureUnderLoad(writers, *engine, ready);
}

STILLFRAME_TEST(cut_holds_with_a_spilling_store) {
  const GuestMemoryMapping memory(2048);
  Writers writers(memory, 3);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = 16 * kPage, .overflow = Overflow::kSpill, .spill_directory = "/tmp"});
  const std::vector<uint64_t> ledger = MakeCut(writers, *engine, 1000);
  // Nobody drains: the writers must go on all the same.
  writers.AwaitWrites(5000);
  Expect(engine->Shared().store.SpilledBytesMax() > 0, "nothing was spilled");
  ExpectCut(*engine, ready, ledger);
}

STILLFRAME_TEST(cut_holds_with_a_tiny_stalling_store) {
  const GuestMemoryMapping memory(1024);
  Writers writers(memory, 3);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = 2 * kPage, .overflow = Overflow::kStall, .spill_directory = ""});
  const std::vector<uint64_t> ledger = MakeCut(writers, *engine, 1000);
  ExpectCut(*engine, ready, ledger);
  writers.AwaitWrites(100);
}

STILLFRAME_TEST(inline_mode_releases_a_page_only_when_the_sink_has_it) {
  const GuestMemoryMapping memory(8);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = 0, .overflow = Overflow::kStall, .spill_directory = ""});
  ArmOrThrow(*engine);
  OneWrite write(memory, 3, 77);
  ready.Await(*engine);
  Slab* slab = nullptr;
  ExpectEqual(engine->Pull(&slab, 1), 1U, "slabs");
  ExpectEqual(uint64_t{slab->runs[0].first_page}, 3U, "page");
  Expect(!write.Done(), "the writer went on before the page was drained");
  Image image(memory.Pages());
  image.Take(*slab);
  engine->Release(slab);
  write.Await();
  ExpectEqual(image.ValueOf(3), 0U, "pre-image");
  engine->Grant(kAllPages, 0);
  Drain(*engine, ready, image);
  ExpectEqual(image.Count(), memory.Pages(), "pages");
}

STILLFRAME_TEST(inline_mode_cut_under_load) {
  const GuestMemoryMapping memory(512);
  Writers writers(memory, 2);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = 0, .overflow = Overflow::kStall, .spill_directory = ""});
  const std::vector<uint64_t> ledger = MakeCut(writers, *engine, 500);
  ExpectCut(*engine, ready, ledger);
  writers.AwaitWrites(100);
}

STILLFRAME_TEST(full_store_with_stall_makes_writers_wait_for_the_sink) {
  const GuestMemoryMapping memory(64);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = 2 * kPage, .overflow = Overflow::kStall, .spill_directory = ""});
  ArmOrThrow(*engine);
  OneWrite first(memory, 0, 1);
  first.Await();
  OneWrite second(memory, 1, 1);
  second.Await();
  OneWrite third(memory, 2, 1);
  AwaitFaults(*engine, 3);
  ready.Await(*engine);
  Slab* slab = nullptr;
  ExpectEqual(engine->Pull(&slab, 1), 1U, "slabs");
  Expect(!third.Done(), "a writer went on without its pre-image");
  engine->Release(slab);
  third.Await();
}

STILLFRAME_TEST(full_store_with_abort_frees_every_writer_and_fails) {
  const GuestMemoryMapping memory(64);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = 2 * kPage, .overflow = Overflow::kAbort, .spill_directory = ""});
  ArmOrThrow(*engine);
  for (uint64_t page = 0; page < 8; ++page) {
    OneWrite write(memory, page, 1);
    write.Await();
  }
  Expect(engine->Shared().failure.load() == Failure::kStoreFull, "wrong failure");
}

STILLFRAME_TEST(close_wakes_writers_that_wait_for_a_full_store) {
  const GuestMemoryMapping memory(64);
  ReadyFlag ready;
  const auto engine =
      Open(memory, ready, {.max_bytes = kPage, .overflow = Overflow::kStall, .spill_directory = ""});
  ArmOrThrow(*engine);
  OneWrite first(memory, 0, 1);
  first.Await();
  OneWrite second(memory, 1, 1);
  OneWrite third(memory, 2, 1);
  AwaitFaults(*engine, 3);
  engine->Close();
  second.Await();
  third.Await();
}

STILLFRAME_TEST(close_at_every_stage_and_again) {
  const GuestMemoryMapping memory(256);
  Writers writers(memory, 2);
  for (int stage = 0; stage < 4; ++stage) {
    ReadyFlag ready;
    const auto engine = Open(memory, ready);
    if (stage >= 1) {
      ArmOrThrow(*engine);
      writers.AwaitWrites(10);
    }
    if (stage >= 2) {
      engine->Grant(stage == 2 ? 10 : kAllPages, 0);
      ready.Await(*engine);
    }
    Slab* slab = nullptr;
    if (stage >= 3) {
      engine->Pull(&slab, 1);
    }
    engine->Close();
    engine->Close();
    writers.AwaitWrites(10);
  }
}

STILLFRAME_TEST(a_second_capture_after_a_cancelled_one_is_right) {
  const GuestMemoryMapping memory(1024);
  Writers writers(memory, 2);
  {
    ReadyFlag ready;
    const auto engine = Open(memory, ready);
    ArmOrThrow(*engine);
    writers.AwaitWrites(100);
    engine->Grant(100, 0);
    ready.Await(*engine);
  }
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  PictureUnderLoad(writers, *engine, ready);
}

STILLFRAME_TEST(two_captures_at_once_on_different_memory) {
  const GuestMemoryMapping left(512);
  const GuestMemoryMapping right(512);
  Writers left_writers(left, 1);
  Writers right_writers(right, 1);
  ReadyFlag left_ready;
  ReadyFlag right_ready;
  const auto left_engine = Open(left, left_ready);
  const auto right_engine = Open(right, right_ready);
  std::thread other([&] { PictureUnderLoad(left_writers, *left_engine, left_ready); });
  PictureUnderLoad(right_writers, *right_engine, right_ready);
  other.join();
}

STILLFRAME_TEST(a_grant_is_a_bound_and_a_new_one_replaces_it) {
  const GuestMemoryMapping memory(1024);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  engine->Grant(7, 0);
  Image image(memory.Pages());
  std::array<Slab*, 8> slabs;
  while (image.Count() < 7) {
    ready.Await(*engine);
    for (size_t i = engine->Pull(slabs.data(), slabs.size()); i-- > 0;) {
      image.Take(*slabs[i]);
      engine->Release(slabs[i]);
    }
  }
  ExpectEqual(engine->Shared().counters.swept_pages.load(), 7U, "swept");
  // Far in the future: only a fault may bring a page now.
  engine->Grant(kAllPages, int64_t{1} << 60);
  OneWrite write(memory, 1000, 5);
  write.Await();
  ready.Await(*engine);
  ExpectEqual(engine->Pull(slabs.data(), slabs.size()), 1U, "slabs");
  Expect(slabs[0]->cause == Cause::kFault, "a page was swept before its time");
  ExpectEqual(engine->Shared().counters.swept_pages.load(), 7U, "swept");
}

STILLFRAME_TEST(never_touched_memory_comes_as_zero_runs_and_stays_untouched) {
  const GuestMemoryMapping memory(16384, false);
  memory.Write(5000, 9);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  {
    OneWrite write(memory, 6000, 4);
    write.Await();
  }
  engine->Grant(kAllPages, 0);
  Image image(memory.Pages());
  Drain(*engine, ready, image);
  ExpectEqual(image.Count(), memory.Pages(), "pages");
  ExpectEqual(image.ValueOf(5000), 9U, "touched page");
  ExpectEqual(image.ValueOf(6000), 0U, "page touched after the cut");
  ExpectEqual(engine->Shared().counters.zero_pages.load(), memory.Pages() - 2, "zero pages");
  engine->Close();
  std::vector<unsigned char> resident(memory.Pages());
  Expect(mincore(memory.Data(), memory.Bytes(), resident.data()) == 0, "mincore");
  uint64_t touched = 0;
  for (const unsigned char page : resident) {
    touched += page & 1U;
  }
  ExpectEqual(touched, 2U, "pages in memory");
}

STILLFRAME_TEST(discarding_pages_not_captured_fails_the_capture_not_the_guest) {
  const GuestMemoryMapping memory(1024);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  std::thread guest([&] { madvise(memory.Data() + 10 * kPage, kPage, MADV_DONTNEED); });
  ready.Await(*engine);
  guest.join();
  Expect(engine->Shared().failure.load() == Failure::kGuestDiscarded, "wrong failure");
  memory.Write(10, 1);
}

STILLFRAME_TEST(discarding_captured_pages_is_harmless) {
  const GuestMemoryMapping memory(64);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  OneWrite write(memory, 10, 3);
  write.Await();
  std::thread guest([&] { madvise(memory.Data() + 10 * kPage, kPage, MADV_DONTNEED); });
  guest.join();
  engine->Grant(kAllPages, 0);
  Image image(memory.Pages());
  Drain(*engine, ready, image);
  Expect(!engine->Shared().Failed(), "capture failed");
  ExpectEqual(image.Count(), memory.Pages(), "pages");
}

STILLFRAME_TEST(unmapping_armed_memory_fails_the_capture_not_the_process) {
  auto* hole = static_cast<uint8_t*>(
      mmap(nullptr, 1024 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
  const int uffd = OpenUffd();
  RegisterWp(uffd, hole, 1024 * kPage);
  ReadyFlag ready;
  const UniqueFd own_memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  CaptureEngine engine(uffd,
                       {{.address = reinterpret_cast<uint64_t>(hole),
                         .size_bytes = 1024 * kPage,
                         .page_bytes = kPage,
                         .memory_fd = own_memory.get(),
                         .only_at_cut = false,
                         .holes_are_zero = true}},
                       RoomyStore(), Discarded::kFail, false, ready.Callback());
  ArmOrThrow(engine);
  std::thread guest([&] { munmap(hole, 1024 * kPage); });
  engine.Grant(kAllPages, 0);
  Image image(1024);
  Drain(engine, ready, image);
  guest.join();
  // Either all was captured before, or the capture says that it was not.
  const Failure failure = engine.Shared().failure.load();
  Expect(image.Count() == 1024 || failure == Failure::kGuestDiscarded || failure == Failure::kReadFailed,
         "an incomplete image passed for a whole one");
}

STILLFRAME_TEST(kernel_writes_into_armed_memory_are_faults_like_any_other) {
  const GuestMemoryMapping memory(16);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  int ends[2];
  Expect(pipe(ends) == 0, "pipe");
  const uint64_t word = 0x1122334455667788;
  ExpectEqual(write(ends[1], &word, sizeof word), ssize_t{8}, "write");
  std::thread guest(
      [&] { ExpectEqual(read(ends[0], memory.Data() + 2 * kPage, sizeof word), ssize_t{8}, "read"); });
  guest.join();
  close(ends[0]);
  close(ends[1]);
  engine->Grant(kAllPages, 0);
  Image image(memory.Pages());
  Drain(*engine, ready, image);
  ExpectEqual(image.ValueOf(2), 0U, "pre-image");
}

STILLFRAME_TEST(protection_that_somebody_else_lifted_fails_the_capture) {
  const GuestMemoryMapping memory(256);
  ReadyFlag ready;
  const int uffd = OpenUffd();
  RegisterWp(uffd, memory.Data(), memory.Bytes());
  const UniqueFd another(dup(uffd));
  CaptureEngine engine(uffd, memory.Region(), RoomyStore(), Discarded::kFail, false, ready.Callback());
  ArmOrThrow(engine);
  Protector(another.get()).Unregister(memory.Region()[0].address, memory.Bytes());
  memory.Write(255, 1);  // nobody notices: the page is newer than the cut when it is copied
  engine.Grant(kAllPages, 0);
  Image image(256);
  Drain(engine, ready, image);
  engine.Close();
  Expect(engine.Shared().failure.load() == Failure::kDisarmed,
         "pages newer than the cut passed for those of the cut");
}

}  // namespace stillframe::test
