#include "resident_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_NS 10000000

static pthread_t watcher;
static atomic_bool stopping;
static _Atomic int64_t most_bytes;

/// proc_pid_statm(5): the second number is pages resident.
static int64_t read_statm(int fd) {
  char text[256];
  const ssize_t got = pread(fd, text, sizeof text - 1, 0);
  long long size;
  long long resident;
  if (got <= 0) {
    return 0;
  }
  text[got] = '\0';
  return sscanf(text, "%lld %lld", &size, &resident) == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

static int open_statm(void) { return open("/proc/self/statm", O_RDONLY | O_CLOEXEC); }

static void* watch(void* argument) {
  const int fd = (int)(intptr_t)argument;
  const struct timespec interval = {.tv_nsec = INTERVAL_NS};
  while (!atomic_load(&stopping)) {
    const int64_t bytes = read_statm(fd);
    if (bytes > atomic_load(&most_bytes)) {
      atomic_store(&most_bytes, bytes);
    }
    nanosleep(&interval, NULL);
  }
  close(fd);
  return NULL;
}

int64_t resident_bytes(void) {
  const int fd = open_statm();
  const int64_t bytes = fd < 0 ? 0 : read_statm(fd);
  close(fd);
  return bytes;
}

int resident_watch_start(void) {
  const int fd = open_statm();
  if (fd < 0) {
    return errno;
  }
  atomic_store(&stopping, false);
  atomic_store(&most_bytes, read_statm(fd));
  return pthread_create(&watcher, NULL, watch, (void*)(intptr_t)fd);
}

int64_t resident_watch_stop(void) {
  atomic_store(&stopping, true);
  pthread_join(watcher, NULL);
  return atomic_load(&most_bytes);
}
