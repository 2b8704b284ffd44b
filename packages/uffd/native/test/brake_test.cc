// The brake by itself: its times are given.
#include "track/brake.h"

#include "test/check.h"
#include "test/guest.h"
#include "track/dirty_tracker.h"
#include "track/sync_tracking.h"

namespace stillframe::test {

namespace {

constexpr int64_t kMs = 1'000'000;

}  // namespace

STILLFRAME_TEST(a_brake_that_is_off_holds_nobody) {
  Brake brake;
  ExpectEqual(brake.Hold(5 * kMs), 5 * kMs, "due");
  brake.Set(kMs, 0.5, 6 * kMs);
  brake.Set(0, 0.5, 7 * kMs);
  ExpectEqual(brake.Hold(1000 * kMs), 1000 * kMs, "due");
  ExpectEqual(brake.HeldNs(), 0, "held");
}

STILLFRAME_TEST(a_rested_brake_holds_for_the_whole_delay) {
  Brake brake;
  brake.Set(2 * kMs, 0.5, 0);
  ExpectEqual(brake.Hold(100 * kMs), 102 * kMs, "due");
  ExpectEqual(brake.HeldNs(), 2 * kMs, "held");
}

STILLFRAME_TEST(holds_that_overlap_are_paid_once) {
  Brake brake;
  brake.Set(2 * kMs, 0.5, 0);
  ExpectEqual(brake.Hold(100 * kMs), 102 * kMs, "due of the first");
  ExpectEqual(brake.Hold(101 * kMs), 103 * kMs, "due of the second");
  ExpectEqual(brake.HeldNs(), 3 * kMs, "held");
}

STILLFRAME_TEST(nobody_is_held_for_more_than_the_share) {
  Brake brake;
  constexpr double kShare = 0.25;
  brake.Set(5 * kMs, kShare, 0);
  int64_t now = 0;
  // A single writer that does nothing but write: each fault follows the one before at once.
  while (now < 10'000 * kMs) {
    now = brake.Hold(now) + 10'000;
  }
  const auto share = static_cast<double>(brake.HeldNs()) / static_cast<double>(now);
  Expect(share <= kShare, "more than the share was held");
  Expect(share > kShare * 0.95, "less than the share was held");
}

STILLFRAME_TEST(a_burst_after_a_rest_is_held_for_a_window_at_most) {
  Brake brake;
  brake.Set(50 * kMs, 0.5, 0);
  const int64_t start = 3'600'000 * kMs;
  int64_t now = start;
  for (int i = 0; i < 3; ++i) {
    now = brake.Hold(now);
  }
  // 50 ms saved up, and what is earned while they are spent.
  Expect(now - start <= 50 * kMs + 50 * kMs, "the burst was held for " + std::to_string((now - start) / kMs));
}

STILLFRAME_TEST(a_brake_slows_writers_and_loses_no_write_and_lets_go) {
  GuestMemoryMapping memory(512);
  Writers writers(memory, 2);
  UniqueFd uffd(OpenUffd());
  RegisterWp(uffd.get(), memory.Data(), memory.Bytes());
  DirtyTracker tracker(memory.Region(), std::make_unique<SyncTracking>(std::move(uffd), OpenPagemap(),
                                                                       GuestMemory(memory.Region()), false));
  const auto step = [&](TrackStep which) {
    tracker.Begin(which);
    ExpectEqual(tracker.Step(~uint64_t{0}), 0, "step");
  };
  step(TrackStep::kStart);
  Expect(tracker.SetBrake(300'000, 0.9), "writers of a sync tracker can be slowed");
  for (int round = 0; round < 5; ++round) {
    step(TrackStep::kCollect);
    writers.AwaitWrites(20);
  }
  Expect(tracker.Counts().held_ns > 0, "nobody was held");
  Expect(tracker.Counts().faults >= 5, "too few faults");
  // Whoever is held now is let go: they write on at full speed.
  ExpectEqual(tracker.SetBrake(100'000'000, 0.9), true, "brake");
  step(TrackStep::kCollect);
  tracker.SetBrake(0, 0);
  writers.AwaitWrites(2000);
  step(TrackStep::kCollect);
  tracker.SetBrake(100'000'000, 0.9);
  tracker.Close();
  writers.AwaitWrites(2000);
}

}  // namespace stillframe::test
