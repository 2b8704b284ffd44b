// Write-protects the guest: most of it ahead, while the guest runs, and the rest at the cut.
//
// Concurrency: both by the consumer's thread. The fault thread lets writers through until the cut is made,
// see before_cut.h. While an event of the guest's address space is unread, the kernel answers EAGAIN: then
// the gate is given up until the fault thread has read it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/capture_shared.h"
#include "core/hole_map.h"

namespace stillframe {

class Arming {
 public:
  /// `registers`: the memory is not registered with the userfaultfd yet.
  Arming(CaptureShared& shared, HoleMap& holes, bool registers);

  /// Protects up to `bytes` more. False: there is nothing more to do ahead. Memory that cannot be had is left
  /// to the cut, which knows better what there is.
  bool Ahead(uint64_t bytes);

  /// The cut. `regions`: what the guest is now; empty: what it was at the beginning. 0 or errno; after an
  /// error nothing is armed. Throws std::invalid_argument for regions that GuestMemory refuses, before
  /// anything is done.
  int Cut(std::vector<GuestRegion> regions);

 private:
  bool AheadIn(const GuestRegion& region, uint64_t bytes);
  void RedoNoted();
  AddressRanges Unprotected(bool everything, const AddressRanges& noted, const AddressRanges& wanted) const;
  void SkipUnchanged();
  int ProtectRest(const AddressRanges& wanted);
  int ProtectNoted(const AddressRanges& wanted);
  int ProtectAll(const AddressRanges& ranges);
  AddressRanges Regions() const;

  CaptureShared& shared_;
  HoleMap& holes_;
  const bool registers_;
  size_t region_ = 0;           // the next to protect ahead,
  uint64_t offset_ = 0;         // from this byte on
  AddressRanges ahead_;         // protected; and registered, where we register
  bool changed_are_protected_;  // what had changed when we began, since an earlier cut
};

}  // namespace stillframe
