// What a capture leaves behind in the page tables of its guest.
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

#include "test/check.h"
#include "test/guest.h"

namespace stillframe::test {

namespace {

/// Pages whose entry says that writes to them are told (bit 57 of pagemap), markers of holes included.
uint64_t MarkedPages(const GuestMemoryMapping& memory) {
  constexpr uint64_t kMarked = uint64_t{1} << 57;
  const UniqueFd pagemap = OpenPagemap();
  std::vector<uint64_t> entries(memory.Pages());
  const auto first = reinterpret_cast<uint64_t>(memory.Data()) / kPage * sizeof(uint64_t);
  const auto bytes = static_cast<ssize_t>(entries.size() * sizeof(uint64_t));
  ExpectEqual(pread(pagemap.get(), entries.data(), static_cast<size_t>(bytes), static_cast<off_t>(first)),
              bytes, "pagemap");
  uint64_t marked = 0;
  for (const uint64_t entry : entries) {
    marked += (entry & kMarked) != 0 ? 1 : 0;
  }
  return marked;
}

}  // namespace

// Every other page is a hole: a slab is out of runs long before it is full.
STILLFRAME_TEST(a_complete_capture_leaves_no_page_marked) {
  const GuestMemoryMapping memory(3000, false);
  for (uint64_t page = 0; page < memory.Pages(); page += 2) {
    memory.Write(page, page);
  }
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  ExpectEqual(MarkedPages(memory), memory.Pages(), "pages that are marked while armed");
  for (uint64_t page = 0; page < memory.Pages(); page += 7) {
    memory.Write(page, ~page);
  }
  engine->Grant(kAllPages, 0);
  Image image(memory.Pages());
  Drain(*engine, ready, image);
  engine->Close();
  ExpectEqual(MarkedPages(memory), 0U, "pages that are still marked");
  memory.Write(1, 1);
}

STILLFRAME_TEST(an_incomplete_capture_leaves_no_page_marked) {
  const GuestMemoryMapping memory(3000);
  ReadyFlag ready;
  const auto engine = Open(memory, ready);
  ArmOrThrow(*engine);
  memory.Write(7, 7);
  engine->Close();
  ExpectEqual(MarkedPages(memory), 0U, "pages that are still marked");
}

STILLFRAME_TEST(writers_go_on_while_a_complete_capture_is_closed) {
  // Half of the memory is missing, so that they meet what is registered for missing pages just then, too.
  const GuestMemoryMapping memory(4096, false);
  Writers writers(memory, 2);
  for (int round = 0; round < 8; ++round) {
    madvise(memory.Data() + memory.Bytes() / 2, memory.Bytes() / 2, MADV_DONTNEED);
    ReadyFlag ready;
    const auto engine = Open(memory, ready);
    ArmOrThrow(*engine);
    engine->Grant(kAllPages, 0);
    Image image(memory.Pages());
    Drain(*engine, ready, image);
    engine->Close();
    writers.AwaitWrites(100);
  }
}

}  // namespace stillframe::test
