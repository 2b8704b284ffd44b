// fork_snapshot BYTES WRITERS RATE PATH: the alternative without userfaultfd. The child has the memory of the
// instant of fork() and writes it to a new file; the kernel copies each page that the parent's writers touch
// meanwhile. The file is the caller's to remove.
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "clock.h"
#include "guest_memory.h"
#include "memory_map.h"
#include "output.h"
#include "writers.h"

#define WARM_UP_NS 200000000

/// What only one process has is what fork() costs: the pages that the parent's writers had copied, while the
/// old ones stay with the child, and the child's page tables.
static int64_t private_bytes(const uint8_t* memory) {
  return mapping_bytes((uintptr_t)memory, "Private_Dirty:") +
         mapping_bytes((uintptr_t)memory, "Private_Clean:");
}

static int64_t page_table_bytes(void) {
  FILE* status = fopen("/proc/self/status", "re");
  fail_unless(status != NULL, "/proc/self/status");
  char line[256];
  int64_t kib = 0;
  while (fgets(line, sizeof line, status) != NULL && sscanf(line, "VmPTE: %" SCNd64, &kib) != 1) {
  }
  fclose(status);
  return kib * 1024;
}

static void picture(const uint8_t* memory, size_t bytes, const char* path, int result_fd) {
  write_all(create_file(path), memory, bytes);
  const int64_t result[] = {now_ns(), private_bytes(memory) + page_table_bytes()};
  fail_unless(write(result_fd, result, sizeof result) == sizeof result, "write");
  _exit(0);
}

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  const unsigned writer_count = (unsigned)number(argc, argv, 2);
  const double rate = (double)number(argc, argv, 3);
  const char* path = argument(argc, argv, 4);
  uint8_t* memory = map_guest(bytes, "base");
  warm_file_memory(memory, bytes, path);
  int result_fds[2];
  fail_unless(pipe(result_fds) == 0, "pipe");
  const struct writer_load load = {
      .memory = memory, .bytes = bytes, .writers = writer_count, .writes_per_second = rate};
  struct writers* writers = writers_start(&load);
  fail_unless(writers != NULL, "writers_start");
  const struct timespec warm_up = {.tv_nsec = WARM_UP_NS};
  nanosleep(&warm_up, NULL);

  const int64_t start_ns = now_ns();
  writers_pause(writers);
  const pid_t child = fork();
  fail_unless(child >= 0, "fork");
  if (child == 0) {
    picture(memory, bytes, path, result_fds[1]);
  }
  close(result_fds[1]);
  writers_enter(writers, WRITER_DURING);
  writers_resume(writers);
  const int64_t resumed_ns = now_ns();
  int64_t result[2];
  fail_unless(read(result_fds[0], result, sizeof result) == sizeof result, "read");
  writers_enter(writers, WRITER_AFTER);
  waitpid(child, NULL, 0);

  writers_stop(writers);
  struct wait_histogram waits;
  writers_waits(writers, WRITER_DURING, &waits);
  printf("{\"pauseNs\":%" PRId64 ",\"totalNs\":%" PRId64 ",\"extraBytes\":%" PRId64 ",",
         resumed_ns - start_ns, result[0] - start_ns, result[1]);
  wait_print(&waits);
  printf("}\n");
  writers_free(writers);
  return 0;
}
