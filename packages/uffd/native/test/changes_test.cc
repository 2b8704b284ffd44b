// Pictures one after another, each of what has changed since the one before, of writers that number their
// writes.
#include <sys/mman.h>

#include <array>
#include <memory>

#include "test/check.h"
#include "test/guest.h"
#include "track/sync_tracking.h"

namespace stillframe::test {

namespace {

/// Takes pictures of a guest; each holds what was captured on top of the one before.
class Series {
 public:
  explicit Series(const GuestMemoryMapping& memory, const StoreOptions& options = RoomyStore())
      : memory_(memory), options_(options), values_(memory.Pages()) {}

  /// Until it is complete; then changes go on being noted. Returns how many pages were captured.
  uint64_t Take(Writers& writers, uint64_t warm_up, bool ahead) {
    OpenNext();
    while (ahead && engine_->ArmAhead(uint64_t{64} << 20)) {
    }
    const std::vector<uint64_t> ledger = MakeCut(writers, *engine_, warm_up);
    engine_->Grant(kAllPages, 0);
    const uint64_t captured = DrainInto();
    Expect(!engine_->Shared().Failed(), "capture failed");
    ExpectEqual(captured + engine_->Shared().changes.Skipped(), memory_.Pages(), "pages captured or skipped");
    for (uint64_t page = 0; page < ledger.size(); ++page) {
      ExpectEqual(values_[page], ledger[page], "page " + std::to_string(page));
    }
    Watch();
    return captured;
  }

  void Watch() {
    std::optional<Watched> watched = engine_->LeaveArmed();
    Expect(watched.has_value(), "a complete capture can be watched");
    watch_ = std::make_unique<SyncTracking>(std::move(*watched), GuestMemory(memory_.Region()));
    engine_.reset();
  }

  CaptureEngine& OpenNext() {
    if (watch_ == nullptr) {
      const int uffd = OpenUffd();
      RegisterWp(uffd, memory_.Data(), memory_.Bytes());
      Make(uffd, {.are_noted = true, .since_earlier_cut = std::nullopt});
    } else {
      Watched watched = watch_->HandOver();
      watch_.reset();
      Make(watched.uffd.Release(), {.are_noted = true, .since_earlier_cut = std::move(watched.changed)});
    }
    return *engine_;
  }

 private:
  void Make(int uffd, ChangeOptions changes) {
    engine_ = std::make_unique<CaptureEngine>(uffd, memory_.Region(), options_, Discarded::kFail, false,
                                              ready_.Callback(), std::move(changes));
  }

  uint64_t DrainInto() {
    Image image(memory_.Pages());
    std::array<Slab*, 8> slabs;
    for (;;) {
      const size_t count = engine_->Pull(slabs.data(), slabs.size());
      for (size_t i = 0; i < count; ++i) {
        image.Take(*slabs[i]);
        for (size_t run = 0; run < slabs[i]->run_count; ++run) {
          const SlabRun& pages = slabs[i]->runs[run];
          for (uint64_t page = pages.first_page; page < pages.first_page + pages.pages; ++page) {
            values_[page] = image.ValueOf(page);
          }
        }
        engine_->Release(slabs[i]);
      }
      if (count > 0) {
        continue;
      }
      // The last slab may have come after the pull that found none.
      const CaptureShared& shared = engine_->Shared();
      const bool has_all = image.Count() + shared.changes.Skipped() == memory_.Pages();
      if (shared.Failed() || (shared.Complete() && has_all)) {
        return image.Count();
      }
      ready_.Await(*engine_);
    }
  }

  const GuestMemoryMapping& memory_;
  const StoreOptions options_;
  ReadyFlag ready_;
  std::unique_ptr<CaptureEngine> engine_;
  std::unique_ptr<SyncTracking> watch_;
  std::vector<uint64_t> values_;
};

void TakeSeries(bool ahead, const StoreOptions& options) {
  GuestMemoryMapping memory(4096);
  constexpr uint64_t kWrittenPages = 1000;
  Writers writers(memory, 2, kWrittenPages);
  Series series(memory, options);
  ExpectEqual(series.Take(writers, 500, ahead), memory.Pages(), "pages of the first picture");
  for (int picture = 0; picture < 8; ++picture) {
    const uint64_t captured = series.Take(writers, 100, ahead);
    Expect(captured > 0, "nothing has changed");
    Expect(captured <= kWrittenPages, "pages that nobody writes have changed");
  }
}

}  // namespace

STILLFRAME_TEST(each_picture_of_a_series_holds_its_cut) { TakeSeries(true, RoomyStore()); }
STILLFRAME_TEST(a_series_that_is_not_armed_ahead_is_right) { TakeSeries(false, RoomyStore()); }
STILLFRAME_TEST(a_series_with_a_tiny_stalling_store_is_right) {
  TakeSeries(true, {.max_bytes = 1 << 20, .overflow = Overflow::kStall, .spill_directory = "/tmp"});
}

STILLFRAME_TEST(what_is_discarded_between_two_pictures_has_changed) {
  GuestMemoryMapping memory(2048);
  Series series(memory);
  {
    Writers writers(memory, 1, 90);
    series.Take(writers, 200, true);
  }
  // Nobody writes. The watch lets madvise go on, and notes it.
  madvise(memory.Data() + 100 * kPage, 700 * kPage, MADV_DONTNEED);
  CaptureEngine& engine = series.OpenNext();
  madvise(memory.Data() + 1500 * kPage, 3 * kPage, MADV_DONTNEED);
  ArmOrThrow(engine);
  for (uint64_t page = 0; page < memory.Pages(); ++page) {
    const bool discarded = (page >= 100 && page < 800) || (page >= 1500 && page < 1503);
    Expect(!discarded || !engine.Shared().changes.Unchanged().Has(page),
           "page " + std::to_string(page) + " was thrown away and counts as unchanged");
  }
  Expect(engine.Shared().changes.Skipped() >= memory.Pages() - 90 - 703, "too many pages count as changed");
}

STILLFRAME_TEST(a_capture_that_is_not_complete_cannot_be_watched) {
  GuestMemoryMapping memory(256);
  Series series(memory);
  CaptureEngine& engine = series.OpenNext();
  ArmOrThrow(engine);
  Expect(!engine.LeaveArmed().has_value(), "it was watched");
  engine.Close();
  memory.Write(3, 1);
}

STILLFRAME_TEST(a_watch_that_ends_frees_its_writers) {
  GuestMemoryMapping memory(512);
  Writers writers(memory, 2);
  {
    Series series(memory);
    series.Take(writers, 100, true);
    writers.AwaitWrites(50);
  }
  writers.AwaitWrites(1000);
}

}  // namespace stillframe::test
