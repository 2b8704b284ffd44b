// Guests that throw memory away while it is being captured, where the picture is to be had all the same.
#include <fcntl.h>
#include <sys/mman.h>

#include <memory>
#include <thread>

#include "kernel/unique_fd.h"
#include "test/check.h"
#include "test/guest.h"

namespace stillframe::test {

namespace {

/// Memory whose page i holds i + 1, armed, with an engine that goes on when pages are thrown away.
struct Armed {
  explicit Armed(uint64_t pages, const StoreOptions& options = RoomyStore())
      : memory(pages), own_memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {
    for (uint64_t page = 0; page < pages; ++page) {
      memory.Write(page, page + 1);
    }
    const int uffd = OpenUffd();
    RegisterWp(uffd, memory.Data(), memory.Bytes());
    engine = std::make_unique<CaptureEngine>(uffd, memory.Region(own_memory.get()), options, Discarded::kZero,
                                             false, ready.Callback());
    ArmOrThrow(*engine);
  }

  void Discard(uint64_t first, uint64_t pages) {
    std::thread([&] { madvise(memory.Data() + first * kPage, pages * kPage, MADV_DONTNEED); }).join();
  }
  uint64_t Lost() const { return engine->Shared().counters.lost_pages.load(); }
  void Finish(Image& image) {
    engine->Grant(kAllPages, 0);
    Drain(*engine, ready, image);
    engine->Close();
    Expect(!engine->Shared().Failed(), "the capture failed");
  }

  GuestMemoryMapping memory;
  UniqueFd own_memory;
  ReadyFlag ready;
  std::unique_ptr<CaptureEngine> engine;
};

}  // namespace

STILLFRAME_TEST(discarded_pages_come_as_zeros_and_are_counted) {
  Armed armed(512);
  armed.Discard(100, 50);
  std::thread([&] {
    armed.memory.Write(120, 999);
  }).join();  // newer than the cut: must not get into the picture
  Image image(512);
  armed.Finish(image);
  ExpectEqual(armed.Lost(), uint64_t{50}, "lost pages");
  for (uint64_t page = 0; page < 512; ++page) {
    ExpectEqual(image.ValueOf(page), page >= 100 && page < 150 ? 0 : page + 1,
                "page " + std::to_string(page));
  }
}

STILLFRAME_TEST(pages_captured_before_they_were_discarded_are_not_lost) {
  Armed armed(512);
  armed.engine->Grant(512, 0);
  Image image(512);
  while (!armed.engine->Shared().Complete()) {
    std::this_thread::yield();
  }
  while (armed.engine->Shared().run_end.load() != 0) {
    std::this_thread::yield();
  }
  armed.Discard(0, 512);
  armed.Finish(image);
  ExpectEqual(armed.Lost(), uint64_t{0}, "lost pages");
  ExpectEqual(image.ValueOf(511), uint64_t{512}, "the last page");
}

STILLFRAME_TEST(captured_pages_that_are_gone_do_not_disturb_their_neighbours) {
  const GuestMemoryMapping memory(64);
  ReadyFlag ready;
  const UniqueFd own_memory(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  const auto engine = Open(memory, ready, RoomyStore(), own_memory.get());
  ArmOrThrow(*engine);
  std::thread([&] {
    memory.Write(31, 1);
    munmap(memory.Data() + 31 * kPage, kPage);
  }).join();
  // Whoever is asked next has acted on it.
  engine->Shared().AwaitEvents();
  ExpectCut(*engine, ready, std::vector<uint64_t>(64));
}

STILLFRAME_TEST(unmapped_pages_come_as_zeros_and_are_counted) {
  Armed armed(512);
  std::thread([&] { munmap(armed.memory.Data() + 256 * kPage, 128 * kPage); }).join();
  Image image(512);
  armed.Finish(image);
  ExpectEqual(armed.Lost(), uint64_t{128}, "lost pages");
  ExpectEqual(image.ValueOf(300), uint64_t{0}, "an unmapped page");
  ExpectEqual(image.ValueOf(400), uint64_t{401}, "a page behind it");
}

STILLFRAME_TEST(lost_pages_wait_for_room_like_others) {
  Armed armed(256, {.max_bytes = 16 * kPage, .overflow = Overflow::kStall, .spill_directory = ""});
  // Fill the store by faults, until a writer waits.
  std::thread writer([&] {
    for (uint64_t page = 0; page < 64; ++page) {
      armed.memory.Write(page, 7);
    }
  });
  while (!armed.engine->Shared().fault_starved.load()) {
    std::this_thread::yield();
  }
  armed.Discard(128, 64);
  Image image(256);
  armed.Finish(image);
  writer.join();
  ExpectEqual(image.Count(), uint64_t{256}, "pages");
  ExpectEqual(armed.Lost(), uint64_t{64}, "lost pages");
  ExpectEqual(image.ValueOf(63), uint64_t{64}, "a page that a writer waited for");
}

STILLFRAME_TEST(inline_mode_counts_discarded_pages) {
  Armed armed(64, {.max_bytes = 0, .overflow = Overflow::kStall, .spill_directory = ""});
  armed.Discard(10, 20);
  Image image(64);
  armed.Finish(image);
  ExpectEqual(armed.Lost(), uint64_t{20}, "lost pages");
  ExpectEqual(image.ValueOf(31), uint64_t{32}, "a page that was kept");
}

STILLFRAME_TEST(churn_of_discards_never_stops_a_capture) {
  Armed armed(4096);
  std::atomic<bool> stop{false};
  std::thread churn([&] {
    for (uint64_t round = 0; !stop; ++round) {
      const uint64_t first = round * 37 % 4000;
      madvise(armed.memory.Data() + first * kPage, 16 * kPage, MADV_DONTNEED);
      armed.memory.Write(first, ~uint64_t{0});
    }
  });
  Image image(4096);
  armed.Finish(image);
  stop = true;
  churn.join();
  ExpectEqual(image.Count(), uint64_t{4096}, "pages");
  uint64_t missing = 0;
  for (uint64_t page = 0; page < 4096; ++page) {
    missing += image.ValueOf(page) == page + 1 ? 0 : 1;
  }
  Expect(missing <= armed.Lost(), "pages were lost and not counted");
}

}  // namespace stillframe::test
