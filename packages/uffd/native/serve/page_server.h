// A page server: installs the pages of memory when they are first touched.
//
// Threads: the fault thread reads events and installs what lies in files, or what it has asked for on a lane
// of faults; the prefetcher does the same ahead of faults; fillers, in threads of JavaScript, bring the rest.
// The fault thread never waits for a filler (I-1): what has no block is put on a queue, and the thread goes
// on. Lock: one, held for an ioctl of a block at most, never for file I/O and never while JavaScript runs or
// memory of JavaScript is read (a filler's bytes are copied first: they might be missing themselves). Why it
// is also held while events are read: served_memory.h. Closing joins both threads, then poisons what is
// missing, unregisters, and so wakes everybody (I-4).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/wait_histogram.h"
#include "kernel/userfault.h"
#include "serve/block_map.h"
#include "serve/fault_lane.h"
#include "serve/priority_mutex.h"
#include "serve/served_memory.h"

namespace stillframe {

struct PageRequest {
  PageSpan span;
  bool is_fault = false;
  /// There is a block that has them, which cannot be used.
  bool is_bad = false;
};

/// A page that came on a lane of faults.
struct Arrival {
  uint32_t region = 0;
  uint64_t page = 0;
  uint32_t crc32c = 0;
};

enum class ServeFailure : uint32_t { kNone, kLost, kExposed, kMoved, kKernel };

struct ServeCounters {
  std::atomic<uint64_t> faults{0};
  std::atomic<uint64_t> fault_pages{0};
  std::atomic<uint64_t> beside_pages{0};
  std::atomic<uint64_t> prefetched_pages{0};
  std::atomic<uint64_t> filled_pages{0};
  std::atomic<uint64_t> duplicate_pages{0};
  std::atomic<uint64_t> lost_pages{0};
  std::atomic<uint64_t> removed_pages{0};
  std::atomic<uint64_t> lane_pages{0};
  WaitHistogram fault_wait;
};

class PageServer {
 public:
  /// First touches that are noted.
  static constexpr size_t kTouchedMax = size_t{1} << 20;
  /// Zeros that are installed along with one that is touched, where they cost no memory.
  static constexpr uint64_t kZerosAtOnce = 16;
  /// Pages of one request ahead, and how many such requests wait at most.
  static constexpr uint64_t kAheadPages = 16;
  static constexpr size_t kAheadRequests = 4;
  /// Arrivals that are noted and not taken; of more than that nothing is known.
  static constexpr size_t kArrivalsMax = size_t{1} << 16;

  /// The descriptors are owned from here on. Throws std::system_error when threads cannot be made.
  PageServer(UniqueFd uffd, UniqueFd install_uffd, std::vector<ServedRegion> regions,
             std::vector<ServedView> views);
  ~PageServer();
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  /// 0, an errno, or -1 when it has not the size of the region.
  int AddView(uint32_t region, uint64_t address, uint64_t size_bytes);
  /// False, and nothing is added, when an extent is not within its region or block. `fd` stays the caller's.
  bool AddBlocks(std::vector<Block> blocks);
  /// Fetches ahead, `order` first; 0: stops.
  void Prefetch(std::vector<PageSpan> order, double bytes_per_second);

  /// Pages that somebody waits for are asked for here first, from now on; `places` by region. The socket is
  /// owned from here on. False, and it is closed, when the places are not those of all regions. When the lane
  /// breaks, who waits is asked for of the listeners.
  bool AskOn(UniqueFd socket, std::vector<LanePlace> places);

  /// Pages that came on the lane, in their order, each once; whether they were missing still or not.
  std::vector<Arrival> TakeArrivals();

  std::vector<PageRequest> Take(size_t max);
  /// The number of a listener, which is called, on any thread and under the lock, when there are requests.
  uint64_t Listen(std::function<void()> tell);
  void Unlisten(uint64_t number);
  /// Whether there is something to take, or the server is closed; if not, this listener is told the next
  /// time.
  bool ReadyOrNotify(uint64_t number);

  /// All of these: pages done, or -1 for pages that do not exist. `bytes` (null: zeros) is not memory that is
  /// served.
  int64_t Fill(const PageSpan& span, const std::byte* bytes);
  int64_t Fail(const PageSpan& span);
  int64_t PageBytes(uint32_t region) const {
    return region < memory_.RegionCount() ? static_cast<int64_t>(memory_.Region(region).page_bytes) : -1;
  }

  std::vector<PageSpan> Touched();
  std::vector<PageSpan> Missing();
  uint64_t Pages() const { return memory_.Pages(); }
  uint64_t MissingCount();
  const ServeCounters& Counters() const { return counters_; }
  ServeFailure Failure() const { return failure_.load(std::memory_order_relaxed); }
  int FailureErrno() const { return failure_errno_.load(std::memory_order_relaxed); }
  bool OwnerGone() const { return owner_gone_.load(std::memory_order_relaxed); }
  bool Closed() const { return stopping_.load(std::memory_order_acquire); }

  /// Idempotent. `poisons`: what is missing; otherwise it is left to be zeros.
  void Close(bool poisons);

 private:
  struct Fault {
    PageSpan page;
    uint64_t address = 0;  // 0: not an event, but a page that waits and has a block now
    bool is_minor = false;
    int64_t read_ns = 0;
  };
  struct Listener {
    std::function<void()> tell;
    bool wants = false;
  };
  using Lock = std::unique_lock<PriorityMutex>;

  void ServeFaults();
  void ReadEvents();
  void NoteEvent(const abi::UffdMsg& message, int64_t now_ns);
  /// False: to be tried again, once events have been read.
  bool Serve(const Fault& fault, std::vector<std::byte>& buffer);
  void Ask(const PageRequest& request);
  /// Nobody has a block of it: on the lane, or of the listeners.
  void AskForFault(const PageSpan& page, bool is_bad);
  void TakeLane();
  void ReadLane();
  void InstallAnswer(const FaultLane::Answer& answer);
  /// Under the lock: who waits for an answer is asked for elsewhere.
  void LoseLane();
  bool NoteWaiter(const Fault& fault);
  void NoteInstalled(const PageSpan& span);
  /// Reads and checks a block without the lock, and installs all its pages. kRefused: it is bad, and marked
  /// so.
  Installed InstallBlock(Lock& lock, size_t number, const PageSpan* wanted, std::vector<std::byte>& buffer,
                         uint64_t* done);
  Installed InstallExtent(const Extent& extent, const std::vector<std::byte>& buffer, uint64_t* done);
  Installed Deal(Installed outcome);
  void SetFailure(ServeFailure failure, int error);
  void SignalFaultThread();
  void TellListeners();
  void WaitForReader(Lock& lock);
  void PoisonUnlessZero(Lock& lock, const PageSpan& span);
  int64_t PoisonSpan(Lock& lock, const PageSpan& span, bool reads_events);

  void RunAhead();
  /// Fetches one piece of `span` from `*page` on; the bytes that it cost, 0 when there was nothing to do.
  uint64_t FetchAhead(Lock& lock, const PageSpan& span, uint64_t* page, std::vector<std::byte>& buffer);
  bool PaceAhead(Lock& lock, uint64_t bytes);

  PriorityMutex lock_;
  ServedMemory memory_;
  BlockMap blocks_;
  std::unordered_map<int, UniqueFd> files_;
  std::deque<PageRequest> asked_faults_;
  std::deque<PageRequest> asked_ahead_;
  std::unordered_map<uint64_t, int64_t> waiters_;  // page -> when its fault was read
  std::vector<Fault> backlog_;
  std::unique_ptr<FaultLane> lane_;  // the fault thread's, and set under the lock
  std::unique_ptr<FaultLane> next_lane_;
  std::vector<Arrival> arrivals_;  // room for all is made with the lane
  std::vector<PageSpan> touched_;
  size_t touched_count_ = 0;
  std::unordered_map<uint64_t, Listener> listeners_;
  uint64_t next_listener_ = 1;
  ServeCounters counters_;
  std::atomic<ServeFailure> failure_{ServeFailure::kNone};
  std::atomic<int> failure_errno_{0};
  std::atomic<bool> owner_gone_{false};
  std::atomic<bool> stopping_{false};
  bool closed_ = false;

  std::condition_variable_any ahead_;
  std::vector<PageSpan> ahead_order_;
  uint64_t ahead_changes_ = 0;
  double ahead_rate_ = 0;
  bool ahead_is_new_ = false;
  int64_t ahead_due_ns_ = 0;

  UniqueFd wake_fd_;
  std::thread fault_thread_;
  std::thread ahead_thread_;
};

}  // namespace stillframe
