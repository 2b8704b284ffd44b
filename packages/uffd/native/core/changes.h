// Which pages change from the cut on, so that the next picture can leave out the others.
//
// Everything is armed at the cut anyway. With changes noted, swept pages stay armed, so that the first write
// to any page since the cut is a fault: it is noted, and its page released. So exactly what is noted may
// differ from the cut. The alternatives cost more or know less: asynchronous tracking has no way to take over
// protection from a synchronous userfaultfd, so pages written between their release and its start would go
// unseen, or the guest would stand still while all of memory is protected again (15 ms a GiB); comparing with
// the earlier picture reads all of both. The price is a synchronous fault for the first write of each page
// between two pictures.
//
// Concurrency: Note by the fault thread alone; the rest by the consumer, holding the gate of BeforeCut until
// the cut is made, and after the fault thread has been joined. Not handled: inline captures, whose pages are
// released by the consumer.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "core/dirty_bitmap.h"
#include "core/guest_memory.h"
#include "kernel/unique_fd.h"

namespace stillframe {

/// A guest that is armed, and what of it has changed since the cut.
struct Watched {
  UniqueFd uffd;
  DirtyBitmap changed;
};

struct ChangeOptions {
  /// From the cut on.
  bool are_noted = false;
  /// What has changed since an earlier cut, after which everything else was left armed.
  std::optional<DirtyBitmap> since_earlier_cut;
};

class Changes {
 public:
  Changes(uint64_t pages, ChangeOptions options, bool can_be_noted)
      : are_noted_(options.are_noted && can_be_noted),
        has_earlier_cut_(options.since_earlier_cut.has_value()),
        changed_(has_earlier_cut_ ? std::move(*options.since_earlier_cut) : DirtyBitmap(pages)),
        unchanged_(has_earlier_cut_ ? pages : 0) {}

  bool AreNoted() const { return are_noted_; }
  bool HasEarlierCut() const { return has_earlier_cut_; }
  /// Pages that are not captured because they have not changed.
  uint64_t Skipped() const { return skipped_; }
  /// After the cut: one bit for each page that was skipped; without an earlier cut none.
  const DirtyBitmap& Unchanged() const { return unchanged_; }

  /// Before the cut: the pages that have changed so far, which only grow until then.
  uint64_t Changed() const { return changed_.Count(); }

  void Note(uint64_t first, uint64_t past) {
    if (past <= changed_.Pages()) {
      changed_.Set(first, past);
    }
  }

  /// Runs of changed pages, none of which reaches from one region into another: `visit(first, past)`.
  template <typename Visit>
  void ForChanged(const GuestMemory& memory, Visit visit) const {
    for (size_t region = 0; region < memory.Regions().size(); ++region) {
      changed_.ForRuns(memory.FirstPage(region), memory.EndPage(region), visit);
    }
  }

  /// At the cut: `skip(first, past)` for what has not changed since the earlier one, and everything begins
  /// anew.
  template <typename Skip>
  void Cut(const GuestMemory& memory, Skip skip) {
    if (has_earlier_cut_) {
      for (uint64_t page = 0; page < memory.Pages();) {
        const uint64_t first = changed_.Find(false, page, memory.Pages());
        const uint64_t past = changed_.Find(true, first, memory.Pages());
        if (first < past) {
          skip(first, past);
          unchanged_.Set(first, past);
          skipped_ += past - first;
        }
        page = past;
      }
    }
    changed_ = DirtyBitmap(memory.Pages());
  }

  DirtyBitmap Take() { return std::move(changed_); }

 private:
  const bool are_noted_;
  const bool has_earlier_cut_;
  DirtyBitmap changed_;
  DirtyBitmap unchanged_;
  uint64_t skipped_ = 0;
};

}  // namespace stillframe
