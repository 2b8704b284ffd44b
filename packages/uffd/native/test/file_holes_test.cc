// Shared memory that was never written to: its file knows, and so nothing of it is read or allocated.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "kernel/unique_fd.h"
#include "test/check.h"
#include "test/guest.h"

namespace stillframe::test {

namespace {

constexpr uint64_t kPages = 4096;
// More than one slab of data between holes, and pieces of a page.
constexpr uint64_t kDataFrom = 1000;
constexpr uint64_t kDataTo = 2500;
constexpr uint64_t kLonePage = 3001;

class SharedFile {
 public:
  SharedFile()
      : file_(memfd_create("holes", MFD_CLOEXEC)),
        memory_file_(open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {
    Expect(ftruncate(file_.get(), kPages * kPage) == 0, "ftruncate");
    void* mapped = mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    Expect(mapped != MAP_FAILED, "mmap");
    data_ = static_cast<uint8_t*>(mapped);
    for (uint64_t page = kDataFrom; page < kDataTo; ++page) {
      Write(page, page);
    }
    Write(kLonePage, kLonePage);
  }
  ~SharedFile() { munmap(data_, kPages * kPage); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  std::unique_ptr<CaptureEngine> Open(ReadyFlag& ready, const StoreOptions& options = RoomyStore()) const {
    const int uffd = OpenUffd();
    RegisterWp(uffd, data_, kPages * kPage);
    return std::make_unique<CaptureEngine>(
        uffd,
        std::vector<GuestRegion>{{.address = reinterpret_cast<uint64_t>(data_),
                                  .size_bytes = kPages * kPage,
                                  .page_bytes = kPage,
                                  .memory_fd = memory_file_.get(),
                                  .only_at_cut = false,
                                  .holes_are_zero = false,
                                  .file_fd = file_.get()}},
        options, Discarded::kFail, false, ready.Callback());
  }
  void Write(uint64_t page, uint64_t value) const {
    auto* words = reinterpret_cast<volatile uint64_t*>(data_ + page * kPage);
    for (uint64_t i = 0; i < kPage / sizeof(uint64_t); ++i) {
      words[i] = value;
    }
  }
  uint64_t AllocatedPages() const {
    struct stat status{};
    fstat(file_.get(), &status);
    return static_cast<uint64_t>(status.st_blocks) * 512 / kPage;
  }

 private:
  UniqueFd file_;
  UniqueFd memory_file_;
  uint8_t* data_;
};

std::vector<uint64_t> AtCut() {
  std::vector<uint64_t> ledger(kPages);
  for (uint64_t page = kDataFrom; page < kDataTo; ++page) {
    ledger[page] = page;
  }
  ledger[kLonePage] = kLonePage;
  return ledger;
}

}  // namespace

STILLFRAME_TEST(holes_of_a_file_are_neither_read_nor_allocated) {
  const SharedFile memory;
  ReadyFlag ready;
  const auto engine = memory.Open(ready);
  const uint64_t before = memory.AllocatedPages();
  ArmOrThrow(*engine);
  ExpectCut(*engine, ready, AtCut());
  ExpectEqual(memory.AllocatedPages(), before, "allocated pages");
  ExpectEqual(engine->Shared().counters.zero_pages.load(), kPages - before, "pages that came as zeros");
}

STILLFRAME_TEST(a_write_into_a_hole_of_a_file_after_the_cut_is_not_in_the_image) {
  const SharedFile memory;
  ReadyFlag ready;
  const auto engine = memory.Open(ready);
  ArmOrThrow(*engine);
  // Each waits for its pre-image: where a hole was, that is zeros.
  for (uint64_t page = 0; page < kPages; page += 3) {
    memory.Write(page, ~page);
  }
  Expect(engine->Shared().counters.fault_pages.load() > kPages / 4, "writes into holes were not seen");
  ExpectCut(*engine, ready, AtCut());
}

STILLFRAME_TEST(holes_of_a_file_that_are_filled_while_the_sweep_comes_by) {
  const SharedFile memory;
  ReadyFlag ready;
  const auto engine = memory.Open(ready);
  ArmOrThrow(*engine);
  std::thread writer([&] {
    for (uint64_t page = kPages; page > 0; --page) {
      memory.Write(page - 1, ~page);
    }
  });
  ExpectCut(*engine, ready, AtCut());
  writer.join();
}

STILLFRAME_TEST(a_page_of_a_hole_of_a_file_that_is_filled_before_the_cut_is_in_the_image) {
  const SharedFile memory;
  ReadyFlag ready;
  const auto engine = memory.Open(ready);
  while (engine->ArmAhead(256 * kPage)) {
  }
  memory.Write(7, 7);
  std::vector<uint64_t> ledger = AtCut();
  ledger[7] = 7;
  ArmOrThrow(*engine);
  ExpectCut(*engine, ready, ledger);
}

}  // namespace stillframe::test
