// How writes to protected pages become known: the part of a tracker that differs between kernels.
#pragma once

#include <cstdint>

#include "core/dirty_bitmap.h"
#include "core/guest_memory.h"

namespace stillframe {

/// Whole pages of one region, as a span of the line of pages.
struct TrackedSpan {
  const GuestRegion& region;
  uint64_t address;
  uint64_t bytes;
  uint64_t first_page;
};

/// Where a thread of ours notes writes; otherwise zero.
struct TrackingCounts {
  uint64_t faults = 0;
  /// Time in which the brake held somebody.
  int64_t held_ns = 0;
};

/// All by one thread. Each returns 0 or an errno; ENOENT, EPERM, EINVAL: a part of the span is not mapped, or
/// is other memory now that cannot be tracked.
class Tracking {
 public:
  Tracking() = default;
  virtual ~Tracking() = default;
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;

  /// Protects every page of the span, and forgets what was written there.
  virtual int Start(const TrackedSpan& span) = 0;
  /// Adds the pages written to `written`, each protected again in the step that finds it: what is written
  /// later is found later.
  virtual int Collect(const TrackedSpan& span, DirtyBitmap& written) = 0;
  /// The same without protecting.
  virtual int Count(const TrackedSpan& span, DirtyBitmap& written) = 0;
  /// The guest is something else now. What is new is registered; pages that were not tracked count as
  /// written.
  virtual int Use(const GuestMemory& before, const GuestMemory& now) = 0;
  /// Keeps writers waiting from now on, see brake.h. False: nobody waits here who could be kept.
  virtual bool SetBrake(int64_t /*delay_ns*/, double /*max_share*/) { return false; }
  virtual TrackingCounts Counts() { return {}; }
  /// Lifts all protection and wakes every writer. Idempotent.
  virtual void Close(const GuestMemory& memory) = 0;
};

}  // namespace stillframe
