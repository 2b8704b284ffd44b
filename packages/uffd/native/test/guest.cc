#include "test/guest.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "kernel/abi.h"
#include "test/check.h"

namespace stillframe::test {

namespace {

// Guest stores and the check of a page are ordered with the engine's copies by the kernel, which a race
// detector cannot see.
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread"), noinline))
#endif
void FillPage(uint8_t* page, uint64_t value) {
  for (uint64_t i = 0; i < kPage; i += sizeof value) {
    *reinterpret_cast<volatile uint64_t*>(page + i) = value;
  }
}

}  // namespace

int OpenUffd() {
  const auto fd = static_cast<int>(syscall(abi::kSysUserfaultfd, O_CLOEXEC | O_NONBLOCK));
  if (fd < 0) {
    throw Skip(std::string("userfaultfd: ") + std::strerror(errno));
  }
  abi::UffdioApi api{.api = abi::kApi,
                     .features = abi::kFeaturePagefaultFlagWp | abi::kFeatureWpUnpopulated |
                                 abi::kFeatureEventRemove | abi::kFeatureEventUnmap | abi::kFeatureEventRemap,
                     .ioctls = 0};
  if (ioctl(fd, abi::kIocApi, &api) != 0) {
    close(fd);
    throw Skip(std::string("UFFDIO_API: ") + std::strerror(errno));
  }
  return fd;
}

UniqueFd OpenPagemap() { return UniqueFd(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)); }

void RegisterWp(int uffd, void* address, uint64_t bytes) {
  abi::UffdioRegister range{.range = {.start = reinterpret_cast<uint64_t>(address), .len = bytes},
                            .mode = abi::kRegisterModeWp,
                            .ioctls = 0};
  Expect(ioctl(uffd, abi::kIocRegister, &range) == 0, std::string("register: ") + std::strerror(errno));
}

GuestMemoryMapping::GuestMemoryMapping(uint64_t pages, bool populate)
    : pages_(pages),
      data_(static_cast<uint8_t*>(
          mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
  Expect(data_ != MAP_FAILED, "mmap of the guest");
  madvise(data_, Bytes(), MADV_NOHUGEPAGE);
  for (uint64_t page = 0; populate && page < pages; ++page) {
    FillPage(data_ + page * kPage, 0);
  }
}

GuestMemoryMapping::~GuestMemoryMapping() { munmap(data_, Bytes()); }

void GuestMemoryMapping::Write(uint64_t page, uint64_t value) const { FillPage(data_ + page * kPage, value); }

Writers::Writers(const GuestMemoryMapping& memory, unsigned count, uint64_t pages)
    : memory_(memory), pages_(pages), ledger_(memory.Pages()) {
  for (unsigned i = 0; i < count; ++i) {
    threads_.emplace_back([this, i, count] { Body(i, count); });
  }
}

Writers::~Writers() {
  stop_ = true;
  Resume();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Writers::Pause() {
  paused_ = 1;
  for (uint32_t resting = at_rest_; resting != threads_.size(); resting = at_rest_) {
    at_rest_.wait(resting);
  }
}

void Writers::Resume() {
  paused_ = 0;
  paused_.notify_all();
}

void Writers::AwaitWrites(uint64_t more) const {
  const uint64_t until = sequence_ + more;
  for (uint64_t now = sequence_; now < until; now = sequence_) {
    sequence_.wait(now);
  }
}

void Writers::Body(unsigned index, unsigned count) {
  uint64_t random = index * 0x9E3779B97F4A7C15 + 1;
  while (!stop_) {
    if (paused_ != 0) {
      ++at_rest_;
      at_rest_.notify_all();
      paused_.wait(1);
      --at_rest_;
      continue;
    }
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    const uint64_t page = (random % (pages_ / count)) * count + index;
    const uint64_t number = ++sequence_;
    sequence_.notify_all();
    memory_.Write(page, number);
    ledger_[page] = number;
  }
}

void Image::Take(const Slab& slab) {
  size_t offset = 0;
  for (size_t i = 0; i < slab.run_count; ++i) {
    const SlabRun& run = slab.runs[i];
    for (uint64_t page = run.first_page; page < run.first_page + run.pages; ++page) {
      ExpectEqual(seen_[page], 0, "page " + std::to_string(page) + " came before");
      seen_[page] = 1;
      ++count_;
      if (run.zero == 0) {
        std::memcpy(bytes_.data() + page * kPage, slab.data + offset, kPage);
        offset += kPage;
      }
    }
  }
  ExpectEqual(offset, slab.used_bytes, "bytes of the slab's runs");
}

uint64_t Image::ValueOf(uint64_t page) const {
  std::array<uint64_t, kPage / sizeof(uint64_t)> words;
  std::memcpy(words.data(), bytes_.data() + page * kPage, kPage);
  const bool is_torn = std::ranges::any_of(words, [&](uint64_t word) { return word != words[0]; });
  Expect(!is_torn, "page " + std::to_string(page) + " is torn");
  return words[0];
}

void Image::ExpectCut(const std::vector<uint64_t>& ledger) const {
  ExpectEqual(count_, ledger.size(), "pages in the image");
  for (uint64_t page = 0; page < ledger.size(); ++page) {
    ExpectEqual(ValueOf(page), ledger[page], "page " + std::to_string(page));
  }
}

void ReadyFlag::Await(CaptureEngine& engine) {
  for (;;) {
    const uint32_t ticket = event_.Ticket();
    if (engine.ReadyOrNotify()) {
      return;
    }
    event_.Wait(ticket, 0);
  }
}

void Drain(CaptureEngine& engine, ReadyFlag& ready, Image& image) {
  std::array<Slab*, 8> slabs;
  for (;;) {
    const size_t count = engine.Pull(slabs.data(), slabs.size());
    for (size_t i = 0; i < count; ++i) {
      image.Take(*slabs[i]);
      engine.Release(slabs[i]);
    }
    if (count > 0) {
      continue;
    }
    if (engine.Shared().Failed() ||
        (engine.Shared().Complete() && image.Count() == engine.Shared().memory.Pages())) {
      return;
    }
    ready.Await(engine);
  }
}

StoreOptions RoomyStore() {
  return {.max_bytes = 16 << 20, .overflow = Overflow::kStall, .spill_directory = "/tmp"};
}

std::unique_ptr<CaptureEngine> Open(const GuestMemoryMapping& memory, ReadyFlag& ready,
                                    const StoreOptions& options, int memory_fd) {
  const int uffd = OpenUffd();
  RegisterWp(uffd, memory.Data(), memory.Bytes());
  return std::make_unique<CaptureEngine>(uffd, memory.Region(memory_fd), options, Discarded::kFail, false,
                                         ready.Callback());
}

void ArmOrThrow(CaptureEngine& engine, std::vector<GuestRegion> regions) {
  ExpectEqual(engine.Arm(std::move(regions)), 0, "arm");
}

std::vector<uint64_t> MakeCut(Writers& writers, CaptureEngine& engine, uint64_t warm_up) {
  writers.AwaitWrites(warm_up);
  writers.Pause();
  std::vector<uint64_t> ledger = writers.Ledger();
  ArmOrThrow(engine);
  writers.Resume();
  return ledger;
}

void ExpectCut(CaptureEngine& engine, ReadyFlag& ready, const std::vector<uint64_t>& ledger) {
  engine.Grant(kAllPages, 0);
  Image image(ledger.size());
  Drain(engine, ready, image);
  Expect(!engine.Shared().Failed(), "capture failed");
  image.ExpectCut(ledger);
}

void PictureUnderLoad(Writers& writers, CaptureEngine& engine, ReadyFlag& ready) {
  const std::vector<uint64_t> ledger = MakeCut(writers, engine, 2000);
  writers.AwaitWrites(50);
  ExpectCut(engine, ready, ledger);
  Expect(engine.Shared().counters.fault_pages.load() > 0, "no page was captured by a fault");
  engine.Close();
  writers.AwaitWrites(2000);
}

}  // namespace stillframe::test
