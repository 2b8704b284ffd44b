// fault_handler BYTES WRITERS RATE DURATION_MS SWEEP: a bare handler under the same load as our snapshot. A
// thread of its own waits for faults, copies each page to a slot that is there already, lifts the protection.
// With SWEEP 1 another thread does the same to all memory, a huge page's worth at a time, and the run ends
// with it; with 0 the run lasts DURATION_MS.
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "clock.h"
#include "guest_memory.h"
#include "userfault.h"
#include "writers.h"

// The engine's default: 256 MiB for pre-images, of which the sweep has 12 MiB.
#define SLOT_BYTES ((size_t)256 << 20)
#define SWEEP_RING_BYTES ((size_t)12 << 20)
#define MESSAGES 64
#define WARM_UP_NS 200000000

struct handler {
  int uffd;
  int stop_fd;
  uint8_t* slots;
  uint64_t faults;
};

static void* handle_faults(void* argument) {
  struct handler* self = argument;
  size_t slot = 0;
  for (;;) {
    struct pollfd ready[] = {{.fd = self->uffd, .events = POLLIN}, {.fd = self->stop_fd, .events = POLLIN}};
    poll(ready, 2, -1);
    if (ready[1].revents != 0) {
      return NULL;
    }
    struct uffd_msg messages[MESSAGES];
    const ssize_t got = read(self->uffd, messages, sizeof messages);
    for (ssize_t i = 0; i * (ssize_t)sizeof *messages < got; ++i) {
      const uint8_t* page = (const uint8_t*)(messages[i].arg.pagefault.address & ~(BASE_PAGE_BYTES - 1));
      memcpy(self->slots + slot, page, BASE_PAGE_BYTES);
      slot = (slot + BASE_PAGE_BYTES) % SLOT_BYTES;
      release(self->uffd, page, BASE_PAGE_BYTES);
      self->faults += 1;
    }
  }
}

static void sweep(int uffd, const uint8_t* memory, size_t bytes, uint8_t* ring) {
  for (size_t at = 0; at < bytes; at += HUGE_PAGE_BYTES) {
    memcpy(ring + at % SWEEP_RING_BYTES, memory + at, HUGE_PAGE_BYTES);
    release(uffd, memory + at, HUGE_PAGE_BYTES);
  }
}

static void sleep_ns(int64_t ns) {
  const struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  nanosleep(&time, NULL);
}

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  const unsigned writer_count = (unsigned)number(argc, argv, 2);
  const double rate = (double)number(argc, argv, 3);
  const int64_t duration_ns = (int64_t)number(argc, argv, 4) * 1000000;
  const int sweeps = number(argc, argv, 5) != 0;
  uint8_t* memory = map_guest(bytes, "base");
  uint8_t* ring = map_destination(SWEEP_RING_BYTES);
  struct handler handler = {.uffd = watch_writes(memory, bytes),
                            .stop_fd = eventfd(0, EFD_CLOEXEC),
                            .slots = map_destination(SLOT_BYTES)};
  pthread_t thread;
  fail_unless(pthread_create(&thread, NULL, handle_faults, &handler) == 0, "pthread_create");
  const struct writer_load load = {
      .memory = memory, .bytes = bytes, .writers = writer_count, .writes_per_second = rate};
  struct writers* writers = writers_start(&load);
  fail_unless(writers != NULL, "writers_start");
  sleep_ns(WARM_UP_NS);

  const int64_t pause_ns = now_ns();
  writers_pause(writers);
  arm(handler.uffd, memory, bytes);
  writers_enter(writers, WRITER_DURING);
  writers_resume(writers);
  const int64_t resumed_ns = now_ns();
  if (sweeps) {
    sweep(handler.uffd, memory, bytes, ring);
  } else {
    sleep_ns(duration_ns);
  }
  writers_enter(writers, WRITER_AFTER);
  const int64_t end_ns = now_ns();

  release(handler.uffd, memory, bytes);
  writers_stop(writers);
  fail_unless(eventfd_write(handler.stop_fd, 1) == 0, "eventfd_write");
  pthread_join(thread, NULL);
  struct wait_histogram waits;
  writers_waits(writers, WRITER_DURING, &waits);
  printf("{\"faults\":%" PRIu64 ",\"pauseNs\":%" PRId64 ",\"streamNs\":%" PRId64 ",", handler.faults,
         resumed_ns - pause_ns, end_ns - resumed_ns);
  wait_print(&waits);
  printf("}\n");
  writers_free(writers);
  return 0;
}
