// A process with two pieces of shared memory and nothing else that the filter `shared` would find, which
// writes what it is told to: `REGION PAGE BYTES-IN-HEX` a line. Each write is done by a thread of its own,
// because it may sleep in a fault, and answered by `done REGION PAGE`.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPages = 32;
char* regions[2];

/// Apart from each other, because neighbours would be one region.
void MapRegions() {
  void* place = mmap(nullptr, 4 * kPages * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (size_t n = 0; n < 2; n++) {
    regions[n] = static_cast<char*>(place) + 2 * n * kPages * kPage;
    void* at = mmap(regions[n], kPages * kPage, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (at != regions[n]) exit(1);
    memset(at, 1, kPages * kPage);
  }
}

/// A capture always takes the vdso, which nobody can write to: without it there are only the two regions.
void UnmapVdso() {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (fgets(line, sizeof line, maps) != nullptr) {
    size_t start = 0;
    size_t end = 0;
    if (strstr(line, "[vdso]") != nullptr && sscanf(line, "%zx-%zx", &start, &end) == 2)
      munmap(reinterpret_cast<void*>(start), end - start);
  }
  fclose(maps);
}

void Write(int region, int page, const std::string& hex) {
  char* to = regions[region] + static_cast<size_t>(page) * kPage;
  for (size_t at = 0; at + 1 < hex.size(); at += 2)
    to[at / 2] = static_cast<char>(strtol(hex.substr(at, 2).c_str(), nullptr, 16));
  dprintf(1, "done %x %d\n", region, page);
}

}  // namespace

int main() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  MapRegions();
  UnmapVdso();
  for (const char* region : regions)
    dprintf(1, "region-%d %zx %zu\n", region == regions[1], reinterpret_cast<size_t>(region), kPages * kPage);
  dprintf(1, "ready\n");
  int region = 0;
  int page = 0;
  char hex[256];
  while (scanf("%d %d %255s", &region, &page, hex) == 3)
    std::thread(Write, region, page, std::string(hex)).detach();
  return 0;
}
