// Memory that a page server fills when it is touched, and who touches and fills it.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/wake_event.h"
#include "kernel/memory.h"
#include "serve/page_server.h"
#include "test/check.h"

namespace stillframe::test {

inline constexpr uint64_t kPage = 4096;

inline unsigned char ByteOf(uint64_t page) { return static_cast<unsigned char>(page % 250 + 1); }

inline UniqueFd OpenForMissing() {
  const SysResult made = UffdOpen(O_CLOEXEC | O_NONBLOCK);
  if (!made.ok()) {
    throw Skip("userfaultfd: " + std::string(strerror(made.error)));
  }
  UniqueFd fd(static_cast<int>(made.value));
  abi::UffdioApi api{.api = abi::kApi,
                     .features = abi::kFeatureEventRemove | abi::kFeatureEventUnmap | abi::kFeaturePoison,
                     .ioctls = 0};
  if (!UffdApi(fd.get(), &api).ok()) {
    throw Skip("a kernel without POISON");
  }
  return fd;
}

/// Memory that is registered, and its server.
struct Served {
  explicit Served(uint64_t pages) : size_bytes(pages * kPage) {
    void* mapped = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bytes = static_cast<volatile unsigned char*>(mapped);
    address = reinterpret_cast<uintptr_t>(mapped);
    UniqueFd uffd = OpenForMissing();
    UffdRegister(uffd.get(), address, size_bytes, abi::kRegisterModeMissing);
    server = std::make_unique<PageServer>(std::move(uffd), UniqueFd(),
                                          std::vector<ServedRegion>{{size_bytes, kPage, 0}},
                                          std::vector<ServedView>{{0, address, 0, pages}});
  }
  ~Served() {
    server->Close(false);
    munmap(ToPointer(address), size_bytes);
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  uint64_t size_bytes;
  uint64_t address;
  volatile unsigned char* bytes;
  std::unique_ptr<PageServer> server;
};

/// A thread that answers every request.
class Filler {
 public:
  explicit Filler(PageServer& server) : server_(server) {
    number_ = server.Listen([this] { event_.Signal(); });
    thread_ = std::thread([this] { Run(); });
  }
  ~Filler() {
    stop_.store(true);
    event_.Signal();
    thread_.join();
    server_.Unlisten(number_);
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

 private:
  void Run() {
    std::vector<std::byte> page(kPage);
    while (!stop_.load()) {
      const uint32_t ticket = event_.Ticket();
      for (const PageRequest& request : server_.Take(16)) {
        for (uint64_t i = 0; i < request.span.pages; ++i) {
          const uint64_t number = request.span.first_page + i;
          std::memset(page.data(), ByteOf(number), kPage);
          server_.Fill({request.span.region, number, 1}, page.data());
        }
      }
      if (!server_.ReadyOrNotify(number_) && !stop_.load()) {
        event_.Wait(ticket, 0);
      }
    }
  }

  PageServer& server_;
  uint64_t number_ = 0;
  WakeEvent event_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

inline void TouchAll(const Served& served, uint64_t pages, uint64_t start) {
  for (uint64_t i = 0; i < pages; ++i) {
    const uint64_t page = (start + i) % pages;
    ExpectEqual(int{served.bytes[page * kPage]}, int{ByteOf(page)}, "page " + std::to_string(page));
  }
}

}  // namespace stillframe::test
