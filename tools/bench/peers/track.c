// track BYTES EVERY: in each round every EVERY-th page is written (0: none), the kernel noting it by itself;
// then a walk finds and protects them again. Bare ioctls. The last round counts.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "guest_memory.h"
#include "userfault.h"

// Linux 6.7; the headers of the system may be older than its kernel. Sources: include/uapi/linux/fs.h,
// Documentation/admin-guide/mm/pagemap.rst.
#define FEATURE_WP_ASYNC (1ULL << 15)
#define CATEGORY_WRITTEN (1ULL << 1)
#define SCAN_WP_MATCHING (1ULL << 0)
#define SCAN_CHECK_WPASYNC (1ULL << 1)
#define RANGES 1024
#define ROUNDS 5

struct page_range {
  uint64_t start, end, categories;
};

struct scan_argument {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN _IOWR('f', 16, struct scan_argument)

static int watch_writes_async(const uint8_t* memory, size_t bytes) {
  const int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  fail_unless(uffd >= 0, "userfaultfd");
  struct uffdio_api api = {
      .api = UFFD_API,
      .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED | FEATURE_WP_ASYNC};
  fail_unless(ioctl(uffd, UFFDIO_API, &api) == 0, "UFFDIO_API");
  struct uffdio_register watched = {.range = {.start = (uintptr_t)memory, .len = bytes},
                                    .mode = UFFDIO_REGISTER_MODE_WP};
  fail_unless(ioctl(uffd, UFFDIO_REGISTER, &watched) == 0, "UFFDIO_REGISTER");
  return uffd;
}

static uint64_t collect(int pagemap, const uint8_t* memory, size_t bytes) {
  static struct page_range ranges[RANGES];
  uint64_t pages = 0;
  for (uint64_t at = (uintptr_t)memory, end = at + bytes; at < end;) {
    struct scan_argument scan = {.size = sizeof scan,
                                 .flags = SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
                                 .start = at,
                                 .end = end,
                                 .vec = (uintptr_t)ranges,
                                 .vec_len = RANGES,
                                 .category_mask = CATEGORY_WRITTEN,
                                 .return_mask = CATEGORY_WRITTEN};
    const int found = ioctl(pagemap, SCAN, &scan);
    fail_unless(found >= 0, "PAGEMAP_SCAN");
    for (int i = 0; i < found; ++i) {
      pages += (ranges[i].end - ranges[i].start) / BASE_PAGE_BYTES;
    }
    at = scan.walk_end;
  }
  return pages;
}

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  const size_t every = number(argc, argv, 2);
  uint8_t* memory = map_guest(bytes, "base");
  const int uffd = watch_writes_async(memory, bytes);
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  fail_unless(pagemap >= 0, "/proc/self/pagemap");
  arm(uffd, memory, bytes);
  collect(pagemap, memory, bytes);

  int64_t write_ns = 0, start_ns = 0, end_ns = 0;
  uint64_t pages = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    write_ns = now_ns();
    for (size_t at = 0; every > 0 && at < bytes; at += every * BASE_PAGE_BYTES) {
      ((volatile uint8_t*)memory)[at] += 1;
    }
    start_ns = now_ns();
    pages = collect(pagemap, memory, bytes);
    end_ns = now_ns();
  }
  printf("{\"ns\":%" PRId64 ",\"writeNs\":%" PRId64 ",\"pages\":%" PRIu64 "}\n", end_ns - start_ns,
         start_ns - write_ns, pages);
  return 0;
}
