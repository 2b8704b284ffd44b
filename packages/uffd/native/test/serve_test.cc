// Page servers under load: touchers, fillers, the prefetcher and an owner that throws pages away, all at
// once.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "core/wake_event.h"
#include "kernel/memory.h"
#include "serve/crc32c.h"
#include "serve/page_server.h"
#include "test/check.h"
#include "test/served.h"

namespace stillframe::test {
namespace {

UniqueFd FileOf(uint64_t pages) {
  UniqueFd fd(static_cast<int>(MemfdCreate("blocks", 1).value));
  std::vector<unsigned char> page(kPage);
  for (uint64_t number = 0; number < pages; ++number) {
    std::memset(page.data(), ByteOf(number), kPage);
    Expect(pwrite(fd.get(), page.data(), kPage, static_cast<off_t>(number * kPage)) == kPage, "pwrite");
  }
  return fd;
}

std::vector<Block> BlocksOf(int fd, uint64_t pages, uint64_t pages_of_block) {
  std::vector<Block> blocks;
  for (uint64_t first = 0; first < pages; first += pages_of_block) {
    std::vector<unsigned char> bytes(pages_of_block * kPage);
    for (uint64_t i = 0; i < pages_of_block; ++i) {
      std::memset(bytes.data() + i * kPage, ByteOf(first + i), kPage);
    }
    Block block{.fd = fd,
                .file_offset = first * kPage,
                .size_bytes = bytes.size(),
                .crc32c = Crc32c(bytes.data(), bytes.size()),
                .is_bad = false,
                .extents = {{{0, first, pages_of_block}, 0}}};
    blocks.push_back(std::move(block));
  }
  return blocks;
}

/// The signal that ended a child which runs `body`.
template <typename Body>
int SignalOf(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    // A sanitizer would explain the signal and end by itself.
    signal(SIGBUS, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

sigjmp_buf bus_jump;
void OnBus(int /*signal*/) { siglongjmp(bus_jump, 1); }

/// Whether touching raises SIGBUS on this thread.
bool IsPoisoned(const volatile unsigned char* at) {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = OnBus;
  sigaction(SIGBUS, &action, &before);
  volatile bool poisoned = true;  // kept over siglongjmp
  if (sigsetjmp(bus_jump, 1) == 0) {
    static_cast<void>(*at);
    poisoned = false;
  }
  sigaction(SIGBUS, &before, nullptr);
  return poisoned;
}

}  // namespace

STILLFRAME_TEST(crc32c_by_instruction_is_that_by_table) {
  const std::string digits = "123456789";
  ExpectEqual(Crc32c(digits.data(), digits.size()), 0xE3069283U, "the check value of CRC32C");
  ExpectEqual(Crc32cByTable(digits.data(), digits.size()), 0xE3069283U, "by table");
  std::vector<unsigned char> bytes(4099);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(i * 31);
  }
  for (const size_t length : {0U, 1U, 7U, 8U, 9U, 4095U, 4099U}) {
    ExpectEqual(Crc32c(bytes.data(), length), Crc32cByTable(bytes.data(), length), "length");
  }
}

STILLFRAME_TEST(serve_touchers_of_blocks_while_all_is_fetched_ahead) {
  constexpr uint64_t kPages = 4096;
  Served served(kPages);
  const UniqueFd file = FileOf(kPages);
  Expect(served.server->AddBlocks(BlocksOf(file.get(), kPages, 16)), "blocks");
  served.server->Prefetch({{0, 100, 200}}, 1e9);
  std::thread other([&] { TouchAll(served, kPages, kPages / 2); });
  TouchAll(served, kPages, 0);
  other.join();
  ExpectEqual(served.server->MissingCount(), uint64_t{0}, "missing");
}

STILLFRAME_TEST(serve_touchers_by_fillers_while_all_is_fetched_ahead) {
  constexpr uint64_t kPages = 1024;
  Served served(kPages);
  Filler one(*served.server);
  Filler two(*served.server);
  served.server->Prefetch({}, 1e9);
  std::thread other([&] { TouchAll(served, kPages, kPages / 2); });
  TouchAll(served, kPages, 0);
  other.join();
  ExpectEqual(served.server->MissingCount(), uint64_t{0}, "missing");
}

STILLFRAME_TEST(serve_what_the_owner_throws_away_is_zero_and_never_old) {
  constexpr uint64_t kPages = 1024;
  Served served(kPages);
  Filler filler(*served.server);
  served.server->Prefetch({}, 1e9);
  std::atomic<bool> done{false};
  std::thread toucher([&] {
    while (!done.load()) {
      for (uint64_t page = 0; page < kPages; page += 7) {
        static_cast<void>(served.bytes[page * kPage]);
      }
    }
  });
  for (uint64_t page = 0; page + 8 <= kPages; page += 8) {
    Expect(madvise(ToPointer(served.address + page * kPage), 8 * kPage, MADV_DONTNEED) == 0, "madvise");
    for (uint64_t i = 0; i < 8; ++i) {
      ExpectEqual(int{served.bytes[(page + i) * kPage]}, 0, "page " + std::to_string(page + i));
    }
  }
  done.store(true);
  toucher.join();
  for (uint64_t page = 0; page < kPages; ++page) {
    ExpectEqual(int{served.bytes[page * kPage]}, 0, "page at the end " + std::to_string(page));
  }
}

STILLFRAME_TEST(serve_closing_wakes_a_waiter_with_sigbus_and_not_with_zeros) {
  // In a process of its own: nobody else is to see SIGBUS.
  const int signal = SignalOf([] {
    Served served(8);
    std::thread waiter([&] { static_cast<void>(served.bytes[3 * kPage]); });
    while (served.server->Counters().fault_pages.load() == 0) {
      std::this_thread::yield();
    }
    served.server->Close(true);
    waiter.join();
  });
  ExpectEqual(signal, SIGBUS, "signal");
}

STILLFRAME_TEST(serve_a_bad_block_without_fillers_is_poisoned) {
  Served served(32);
  const UniqueFd file = FileOf(32);
  std::vector<Block> blocks = BlocksOf(file.get(), 32, 16);
  blocks[0].crc32c ^= 1;
  Expect(served.server->AddBlocks(std::move(blocks)), "blocks");
  Expect(IsPoisoned(served.bytes + 2 * kPage), "the page of the bad block");
  ExpectEqual(int{served.bytes[20 * kPage]}, int{ByteOf(20)}, "a page of the other");
  Expect(served.server->Failure() == ServeFailure::kLost, "the failure");
}

STILLFRAME_TEST(serve_closing_leaves_known_zeros_and_poisons_the_rest) {
  Served served(8);
  Block zeros{.fd = -1, .file_offset = 0, .size_bytes = 0, .crc32c = 0, .is_bad = false, .extents = {}};
  zeros.extents.push_back({{0, 2, 2}, -1});
  Expect(served.server->AddBlocks({zeros}), "blocks");
  served.server->Close(true);
  Expect(IsPoisoned(served.bytes), "page 0");
  ExpectEqual(int{served.bytes[2 * kPage]}, 0, "page 2");
  ExpectEqual(int{served.bytes[3 * kPage]}, 0, "page 3");
  Expect(IsPoisoned(served.bytes + 4 * kPage), "page 4");
}

STILLFRAME_TEST(serve_refuses_extents_that_are_not_there) {
  Served served(8);
  const auto with = [&](PageSpan span, int64_t offset) {
    Block block{
        .fd = 0, .file_offset = 0, .size_bytes = 2 * kPage, .crc32c = 0, .is_bad = false, .extents = {}};
    block.extents.push_back({span, offset});
    return served.server->AddBlocks({block});
  };
  Expect(!with({1, 0, 1}, 0), "another region");
  Expect(!with({0, 7, 2}, 0), "beyond the region");
  Expect(!with({0, ~uint64_t{0}, 2}, 0), "wrapped around");
  Expect(!with({0, 0, 0}, 0), "empty");
  Expect(!with({0, 0, 2}, 1), "beyond the block");
  Expect(with({0, 0, 2}, 0), "right");
}

}  // namespace stillframe::test
