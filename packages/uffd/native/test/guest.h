// A guest for the native tests: memory, writer threads that number their writes, a pause, and an oracle for
// the cut.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "core/capture_engine.h"

namespace stillframe::test {

constexpr uint64_t kPage = 4096;

/// Opens a userfaultfd with what captures need; throws Skip where the machine does not let us.
int OpenUffd();
/// Of this process.
UniqueFd OpenPagemap();
/// Registers for write protection.
void RegisterWp(int uffd, void* address, uint64_t bytes);

/// Anonymous memory without transparent huge pages, so that tests see the same faults everywhere.
class GuestMemoryMapping {
 public:
  explicit GuestMemoryMapping(uint64_t pages, bool populate = true);
  ~GuestMemoryMapping();
  GuestMemoryMapping(const GuestMemoryMapping&) = delete;
  GuestMemoryMapping& operator=(const GuestMemoryMapping&) = delete;

  uint8_t* Data() const { return data_; }
  uint64_t Pages() const { return pages_; }
  uint64_t Bytes() const { return pages_ * kPage; }
  std::vector<GuestRegion> Region(int memory_fd = -1) const {
    return {{.address = reinterpret_cast<uint64_t>(data_),
             .size_bytes = Bytes(),
             .page_bytes = kPage,
             .memory_fd = memory_fd,
             .only_at_cut = false,
             .holes_are_zero = true}};
  }
  /// Fills the whole page with `value`, as a guest would.
  void Write(uint64_t page, uint64_t value) const;

 private:
  uint64_t pages_;
  uint8_t* data_;
};

/// Writers that take the next number of one shared sequence for each write and fill a page of their own with
/// it.
class Writers {
 public:
  Writers(const GuestMemoryMapping& memory, unsigned count) : Writers(memory, count, memory.Pages()) {}
  /// Of the first `pages` pages; the others stay as they are.
  Writers(const GuestMemoryMapping& memory, unsigned count, uint64_t pages);
  ~Writers();
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  /// Returns when every writer is at rest between two writes.
  void Pause();
  void Resume();
  /// While paused: the last number written to each page.
  const std::vector<uint64_t>& Ledger() const { return ledger_; }
  uint64_t Sequence() const { return sequence_.load(); }
  /// Returns once this many more writes were done: a barrier that proves the writers are alive.
  void AwaitWrites(uint64_t more) const;

 private:
  void Body(unsigned index, unsigned count);

  const GuestMemoryMapping& memory_;
  const uint64_t pages_;
  std::vector<uint64_t> ledger_;
  std::atomic<uint64_t> sequence_{0};
  std::atomic<uint32_t> paused_{0};
  std::atomic<uint32_t> at_rest_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

/// The image that a capture gave: every page must come exactly once (I-3).
class Image {
 public:
  explicit Image(uint64_t pages) : bytes_(pages * kPage), seen_(pages) {}

  void Take(const Slab& slab);
  /// Pages that came.
  uint64_t Count() const { return count_; }
  /// Every page came once, is not torn, and holds `ledger[page]`.
  void ExpectCut(const std::vector<uint64_t>& ledger) const;
  uint64_t ValueOf(uint64_t page) const;

 private:
  std::vector<uint8_t> bytes_;
  std::vector<uint8_t> seen_;
  uint64_t count_ = 0;
};

/// Waits by the engine's own notification, so that no test sleeps.
class ReadyFlag {
 public:
  std::function<void()> Callback() {
    return [this] { event_.Signal(); };
  }
  /// Returns when there is something to pull.
  void Await(CaptureEngine& engine);

 private:
  WakeEvent event_;
};

/// Pulls and releases until everything is captured and taken.
void Drain(CaptureEngine& engine, ReadyFlag& ready, Image& image);

constexpr uint64_t kAllPages = ~uint64_t{0} >> 1;
/// A store that is never full in these tests.
StoreOptions RoomyStore();

/// An engine over all of `memory`, registered.
std::unique_ptr<CaptureEngine> Open(const GuestMemoryMapping& memory, ReadyFlag& ready,
                                    const StoreOptions& options = RoomyStore(), int memory_fd = -1);

void ArmOrThrow(CaptureEngine& engine, std::vector<GuestRegion> regions = {});

/// Arms while the writers are at rest, after so many writes. Returns what each page held then.
std::vector<uint64_t> MakeCut(Writers& writers, CaptureEngine& engine, uint64_t warm_up);

/// Lets the sweep run and drains: the image must show the ledger.
void ExpectCut(CaptureEngine& engine, ReadyFlag& ready, const std::vector<uint64_t>& ledger);

/// A capture under load: pause, arm, resume, drain; the image must show the ledger as of the pause.
void PictureUnderLoad(Writers& writers, CaptureEngine& engine, ReadyFlag& ready);

}  // namespace stillframe::test
