// A process that goes on working while it is captured: argv[1] says what it does. It prints `NAME ADDRESS
// BYTES` lines, then `ready`, works until its standard input ends, and exits with 0 only if all that it did
// worked and its memory is as it left it.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kPage = 4096;
std::atomic<bool> ended{false};

char* Map(size_t bytes, int flags = MAP_PRIVATE | MAP_ANONYMOUS) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (at == MAP_FAILED) {
    perror("mmap");
    exit(2);
  }
  return static_cast<char*>(at);
}

void Tell(const char* name, const volatile void* at, size_t bytes) {
  printf("%s %zx %zu\n", name, reinterpret_cast<size_t>(at), bytes);
}

/// Says `ready`, and notes the end of standard input while others work.
std::thread Ready() {
  printf("ready\n");
  fflush(stdout);
  return std::thread([] {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    ended = true;
  });
}

/// Says which step failed, if it did.
bool Worked(const char* step, bool worked) {
  if (!worked) fprintf(stderr, "%s: %s\n", step, strerror(errno));
  return worked;
}

/// Tickets, drawn one after the other by all threads, each written into the page that it is the turn of: at
/// any instant the pages hold the last tickets without a gap.
int Tickets(size_t pages, int writers, int flags) {
  char* memory = Map(pages * kPage, flags);
  auto word = [&](size_t page) { return reinterpret_cast<volatile uint64_t*>(memory + page * kPage); };
  std::mutex turn;
  uint64_t ticket = 0;
  for (; ticket < pages; ticket++) *word(ticket) = ticket;
  Tell("tickets", memory, pages * kPage);
  std::thread waiter = Ready();
  std::vector<std::thread> threads;
  for (int n = 0; n < writers; n++) {
    threads.emplace_back([&] {
      while (!ended) {
        std::lock_guard<std::mutex> lock(turn);
        *word(ticket % pages) = ticket;
        ticket++;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  waiter.join();
  for (uint64_t old = ticket - pages; old < ticket; old++)
    if (*word(old % pages) != old) return 3;
  return 0;
}

/// Pages with their number in them, which nobody changes; `work` is done next to them, over and over.
template <typename Work>
int Beside(Work work) {
  constexpr size_t pages = 2048;
  char* memory = Map(pages * kPage);
  for (size_t n = 0; n < pages; n++) snprintf(memory + n * kPage, kPage, "page %zu", n);
  Tell("still", memory, pages * kPage);
  std::thread waiter = Ready();
  bool worked = true;
  while (!ended && worked) worked = work();
  if (!worked) exit(4);
  waiter.join();
  for (size_t n = 0; n < pages; n++)
    if (memory[n * kPage] != 'p') return 5;
  return 0;
}

bool ForkOne() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool MapAndUnmap() {
  char* memory = Map(64 * kPage);
  for (size_t n = 0; n < 64; n++) memory[n * kPage] = 'm';
  return munmap(memory, 64 * kPage) == 0;
}

bool Move() {
  char* memory = Map(8 * kPage);
  memory[0] = 'r';
  char* moved = static_cast<char*>(mremap(memory, 8 * kPage, 4096 * kPage, MREMAP_MAYMOVE));
  return Worked("mremap", moved != MAP_FAILED) && Worked("the moved byte", moved[0] == 'r') &&
         Worked("munmap", munmap(moved, 4096 * kPage) == 0);
}

bool GrowAndShrink() {
  char* end = static_cast<char*>(sbrk(32 * kPage));
  if (end == reinterpret_cast<char*>(-1)) return false;
  memset(end, 'b', 32 * kPage);
  return brk(end) == 0;
}

bool Discard() {
  static char* memory = Map(256 * kPage);
  memset(memory, 'd', 256 * kPage);
  return madvise(memory, 256 * kPage, MADV_DONTNEED) == 0 && memory[5 * kPage] == 0;
}

bool StartThreads() {
  std::thread([] {}).join();
  return true;
}

/// Replaces itself when a byte arrives.
int ExecuteAnother(const char* self) {
  char* memory = Map(1024 * kPage);
  memset(memory, 'e', 1024 * kPage);
  printf("ready\n");
  fflush(stdout);
  char byte;
  if (read(0, &byte, 1) == 1) execl(self, self, "rest", nullptr);
  return 0;
}

/// Grows memory of which only the first page was ever touched, when a byte arrives.
int Grow() {
  char* memory = Map(256 * kPage);
  memory[0] = 'g';
  printf("ready\n");
  fflush(stdout);
  char byte;
  if (read(0, &byte, 1) != 1) return 0;
  char* grown = static_cast<char*>(mremap(memory, 256 * kPage, 4096 * kPage, MREMAP_MAYMOVE));
  return Worked("mremap", grown != MAP_FAILED) && Worked("the moved byte", grown[0] == 'g') ? 0 : 4;
}

/// Exits, without waiting for anybody, when a byte arrives.
int Exit() {
  char* memory = Map(1024 * kPage);
  memset(memory, 'x', 1024 * kPage);
  printf("ready\n");
  fflush(stdout);
  char byte;
  if (read(0, &byte, 1) == 1) _exit(7);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string mode = count > 1 ? words[1] : "";
  if (mode == "tickets") return Tickets(4096, 3, MAP_PRIVATE | MAP_ANONYMOUS);
  if (mode == "shared-tickets") return Tickets(4096, 3, MAP_SHARED | MAP_ANONYMOUS);
  if (mode == "fork") return Beside(ForkOne);
  if (mode == "mmap") return Beside(MapAndUnmap);
  if (mode == "mremap") return Beside(Move);
  if (mode == "brk") return Beside(GrowAndShrink);
  if (mode == "madvise") return Beside(Discard);
  if (mode == "thread") return Beside(StartThreads);
  if (mode == "exec") return ExecuteAnother(words[0]);
  if (mode == "exit") return Exit();
  if (mode == "grow") return Grow();
  std::thread waiter = Ready();
  waiter.join();
  return 0;
}
