// Arming ahead of the cut: writes before the cut lose nothing, and the cut is as exact as without.
#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <thread>

#include "core/before_cut.h"
#include "kernel/unique_fd.h"
#include "test/check.h"
#include "test/guest.h"

namespace stillframe::test {

namespace {

void ArmAllAhead(CaptureEngine& engine, uint64_t step_bytes) {
  while (engine.ArmAhead(step_bytes)) {
  }
}

std::unique_ptr<CaptureEngine> OpenUnregistered(std::vector<GuestRegion> regions, ReadyFlag& ready) {
  return std::make_unique<CaptureEngine>(OpenUffd(), std::move(regions), RoomyStore(), Discarded::kFail, true,
                                         ready.Callback());
}

/// As memory of another process is given: holes are not looked for.
std::vector<GuestRegion> ForeignRegion(const GuestMemoryMapping& memory) {
  std::vector<GuestRegion> regions = memory.Region();
  regions[0].holes_are_zero = false;
  return regions;
}

void RunInAnotherThread(void (*body)(const GuestMemoryMapping&), const GuestMemoryMapping& memory) {
  std::thread(body, std::cref(memory)).join();
}

}  // namespace

STILLFRAME_TEST(arming_ahead_under_load_leaves_the_cut_exact) {
  const GuestMemoryMapping memory(4096);
  Writers writers(memory, 3);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  writers.AwaitWrites(1000);
  ArmAllAhead(*engine, 64 * kPage);
  // Far more than the pages there are: most of them are let through, some again and again.
  PictureUnderLoad(writers, *engine, ready);
  Expect(engine->Shared().counters.early_faults.load() > 0, "no write was let through before the cut");
}

STILLFRAME_TEST(arming_a_part_ahead_leaves_the_cut_exact) {
  const GuestMemoryMapping memory(2048);
  Writers writers(memory, 2);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  Expect(engine->ArmAhead(700 * kPage), "all was armed in one step");
  PictureUnderLoad(writers, *engine, ready);
}

STILLFRAME_TEST(closing_after_arming_ahead_frees_the_writers) {
  const GuestMemoryMapping memory(1024);
  Writers writers(memory, 2);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmAllAhead(*engine, kAllPages);
  engine->Close();
  writers.AwaitWrites(2000);
}

STILLFRAME_TEST(what_is_discarded_before_the_cut_is_zero_in_it_and_protected_by_it) {
  const GuestMemoryMapping memory(256);
  RunInAnotherThread([](const GuestMemoryMapping& guest) { guest.Write(7, 77); }, memory);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmAllAhead(*engine, kAllPages);
  RunInAnotherThread(
      [](const GuestMemoryMapping& guest) { madvise(guest.Data(), 128 * kPage, MADV_DONTNEED); }, memory);
  ArmOrThrow(*engine);
  RunInAnotherThread([](const GuestMemoryMapping& guest) { guest.Write(7, 78); }, memory);
  ExpectEqual(engine->Shared().counters.fault_pages.load(), uint64_t{1}, "faults on the discarded page");
  ExpectCut(*engine, ready, std::vector<uint64_t>(256));
}

STILLFRAME_TEST(memory_that_came_after_arming_ahead_is_in_the_cut) {
  const GuestMemoryMapping memory(512);
  ReadyFlag ready;
  std::vector<GuestRegion> half = ForeignRegion(memory);
  half[0].size_bytes /= 2;
  const auto engine = OpenUnregistered(half, ready);
  ArmAllAhead(*engine, kAllPages);
  Writers writers(memory, 2);
  writers.AwaitWrites(1000);
  writers.Pause();
  const std::vector<uint64_t> ledger = writers.Ledger();
  ArmOrThrow(*engine, ForeignRegion(memory));
  writers.Resume();
  writers.AwaitWrites(1000);
  ExpectCut(*engine, ready, ledger);
}

STILLFRAME_TEST(memory_that_was_mapped_anew_at_the_same_place_is_armed) {
  const GuestMemoryMapping memory(512);
  ReadyFlag ready;
  std::vector<GuestRegion> regions = ForeignRegion(memory);
  const auto engine = OpenUnregistered(regions, ready);
  ArmAllAhead(*engine, kAllPages);
  RunInAnotherThread(
      [](const GuestMemoryMapping& guest) {
        mmap(guest.Data() + 128 * kPage, 64 * kPage, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
      },
      memory);
  ArmOrThrow(*engine, regions);
  RunInAnotherThread([](const GuestMemoryMapping& guest) { guest.Write(130, 5); }, memory);
  ExpectEqual(engine->Shared().counters.fault_pages.load(), uint64_t{1}, "faults on the new memory");
  ExpectCut(*engine, ready, std::vector<uint64_t>(512));
}

STILLFRAME_TEST(memory_that_is_not_in_the_cut_is_let_go) {
  const GuestMemoryMapping memory(512);
  ReadyFlag ready;
  std::vector<GuestRegion> regions = ForeignRegion(memory);
  const auto engine = OpenUnregistered(regions, ready);
  ArmAllAhead(*engine, kAllPages);
  regions[0].address += 256 * kPage;
  regions[0].size_bytes = 256 * kPage;
  ArmOrThrow(*engine, regions);
  // Returns only if nobody has to let it go.
  RunInAnotherThread([](const GuestMemoryMapping& guest) { guest.Write(3, 5); }, memory);
  ExpectEqual(engine->Shared().counters.faults.load(), uint64_t{0}, "faults outside of the cut");
  ExpectCut(*engine, ready, std::vector<uint64_t>(256));
}

STILLFRAME_TEST(a_write_where_the_guest_moved_protected_memory_is_let_through) {
  GuestMemoryMapping memory(512);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  std::thread([&] {
    void* moved = mremap(memory.Data() + 256 * kPage, 256 * kPage, 256 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED,
                         mmap(nullptr, 256 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    Expect(moved != MAP_FAILED, "mremap");
    // Pages are not captured yet: the capture has failed by now, and this write must not wait for anybody.
    std::memset(moved, 1, 256 * kPage);
    munmap(moved, 256 * kPage);
  }).join();
  Expect(engine->Shared().failure.load() == Failure::kGuestRemapped, "a capture that lost pages went on");
}

STILLFRAME_TEST(a_failed_cut_arms_nothing) {
  const GuestMemoryMapping memory(64);
  ReadyFlag ready;
  std::vector<GuestRegion> regions = ForeignRegion(memory);
  const auto engine = OpenUnregistered(regions, ready);
  ArmAllAhead(*engine, kAllPages);
  // A private mapping of a file cannot be protected.
  const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  void* mapped = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
  regions.push_back({.address = reinterpret_cast<uint64_t>(mapped),
                     .size_bytes = kPage,
                     .page_bytes = kPage,
                     .memory_fd = -1,
                     .only_at_cut = false,
                     .holes_are_zero = false});
  Expect(engine->Arm(regions) != 0, "memory of a file was armed");
  RunInAnotherThread([](const GuestMemoryMapping& guest) { guest.Write(3, 5); }, memory);
  munmap(mapped, kPage);
}

STILLFRAME_TEST(too_many_writes_before_the_cut_mean_everything) {
  BeforeCut before_cut;
  const uint64_t room = uint64_t{1} << 16;
  bool everything = true;
  for (uint64_t i = 0; i < room; ++i) {
    before_cut.Note(i << 20, (i << 20) + kPage);
  }
  ExpectEqual(before_cut.TakeNoted(&everything).size(), room, "ranges noted");
  Expect(!everything, "room for all was not enough");
  for (uint64_t i = 0; i <= room; ++i) {
    before_cut.Note(i << 20, (i << 20) + kPage);
  }
  before_cut.TakeNoted(&everything);
  Expect(everything, "ranges were lost");
  Expect(!before_cut.AnyNoted(), "noted twice");
}

}  // namespace stillframe::test
