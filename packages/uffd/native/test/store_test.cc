#include "core/pre_image_store.h"

#include <thread>

#include "test/check.h"
#include "test/guest.h"

namespace stillframe {

namespace {

using test::Expect;
using test::ExpectEqual;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr size_t kPoolSlabs = 64;
constexpr size_t kReserveSlabs = 16;
constexpr StoreOptions kLarge{
    .max_bytes = kPoolSlabs * kMiB, .overflow = Overflow::kSpill, .spill_directory = "/tmp"};

}  // namespace

STILLFRAME_TEST(store_is_touched_as_far_as_its_reserve) {
  PreImageStore store(kLarge, kPoolSlabs * kMiB, 4096);
  ExpectEqual(store.TouchedSlabs(), kReserveSlabs, "touched at first");
  Expect(!store.WantsMore(), "wants more than its reserve");
  Slab* slab = store.TakeForFault();
  Expect(store.WantsMore(), "the reserve is whole without a slab of it");
  store.TouchMore();
  ExpectEqual(store.TouchedSlabs(), kReserveSlabs + 1, "touched for one that is held");
  store.GiveBack(slab);
  Expect(!store.WantsMore(), "wants more when all is free");
}

STILLFRAME_TEST(faults_use_all_of_the_pool_before_they_spill) {
  PreImageStore store(kLarge, kPoolSlabs * kMiB, 4096);
  for (size_t i = 0; i < kPoolSlabs; ++i) {
    const Slab* slab = store.TakeForFault();
    Expect(slab != nullptr && !slab->spilled, "spilled too early");
  }
  ExpectEqual(store.TouchedSlabs(), kPoolSlabs, "touched");
  Expect(!store.WantsMore(), "wants more than there is");
  const Slab* slab = store.TakeForFault();
  Expect(slab != nullptr && slab->spilled, "not spilled");
}

STILLFRAME_TEST(sweep_finds_a_slab_while_the_pool_has_any) {
  PreImageStore store(kLarge, kPoolSlabs * kMiB, 4096);
  for (size_t i = 0; i < kPoolSlabs - 1; ++i) {
    store.TakeForFault();
  }
  Expect(store.TakeForSweep() != nullptr, "the last one was not found");
}

STILLFRAME_TEST(sweeper_keeps_the_reserve_while_nothing_is_drained) {
  const test::GuestMemoryMapping memory(kLarge.max_bytes / test::kPage);
  test::ReadyFlag ready;
  const auto engine = test::Open(memory, ready, kLarge);
  test::ArmOrThrow(*engine);
  const PreImageStore& store = engine->Shared().store;
  // Faults fill two slabs and begin a third. Nothing is granted, so the sweeper has nothing else to do.
  const uint64_t pages = 2 * kMiB / test::kPage + 1;
  for (uint64_t page = 0; page < pages; ++page) {
    memory.Write(page, 1);
  }
  while (store.WantsMore()) {
    std::this_thread::yield();
  }
  ExpectEqual(store.TouchedSlabs(), kReserveSlabs + 3, "touched");
  ExpectEqual(store.SpilledBytesMax(), 0U, "spilled");
}

}  // namespace stillframe
