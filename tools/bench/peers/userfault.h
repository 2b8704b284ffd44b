// As little of userfaultfd as a bare handler needs. Sources: ioctl_userfaultfd(2),
// include/uapi/linux/userfaultfd.h.
#pragma once

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"

// Linux 6.4; the headers of the system may be older than its kernel.
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

/// A descriptor that watches the range for writes; nothing is armed yet. The kernel allows one handshake for
/// each descriptor, so a kernel without WP_UNPOPULATED is asked with a second one.
static inline int watch_writes(uint8_t* memory, size_t bytes) {
  const uint64_t wanted[] = {UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED,
                             UFFD_FEATURE_PAGEFAULT_FLAG_WP};
  int uffd = -1;
  int agreed = 0;
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted && !agreed; ++i) {
    uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    fail_unless(uffd >= 0, "userfaultfd");
    struct uffdio_api api = {.api = UFFD_API, .features = wanted[i]};
    agreed = ioctl(uffd, UFFDIO_API, &api) == 0;
    if (!agreed) {
      close(uffd);
    }
  }
  fail_unless(agreed, "UFFDIO_API");
  struct uffdio_register watched = {.range = {.start = (uintptr_t)memory, .len = bytes},
                                    .mode = UFFDIO_REGISTER_MODE_WP};
  fail_unless(ioctl(uffd, UFFDIO_REGISTER, &watched) == 0, "UFFDIO_REGISTER");
  return uffd;
}

static inline void change_protection(int uffd, const uint8_t* memory, size_t bytes, uint64_t mode) {
  struct uffdio_writeprotect change = {.range = {.start = (uintptr_t)memory, .len = bytes}, .mode = mode};
  fail_unless(ioctl(uffd, UFFDIO_WRITEPROTECT, &change) == 0, "UFFDIO_WRITEPROTECT");
}

static inline void arm(int uffd, const uint8_t* memory, size_t bytes) {
  change_protection(uffd, memory, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
}

/// Lifts the protection and wakes who waits.
static inline void release(int uffd, const uint8_t* memory, size_t bytes) {
  change_protection(uffd, memory, bytes, 0);
}
