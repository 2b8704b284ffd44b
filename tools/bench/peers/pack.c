// pack FILE THREADS: LZ4 alone, the release that the native codec has in it. FILE is packed in blocks of 64
// KiB, which the threads share. Prints the time and what the blocks came to.
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "clock.h"
#include "failure.h"
#include "guest_memory.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wextra"
#include "../../../packages/page-codec/third_party/lz4/lz4.c"
#pragma GCC diagnostic pop

#define CHUNK_BYTES 65536
#define THREADS_MAX 64

static const char* source;
static size_t source_bytes;
static atomic_size_t next_at;
static atomic_size_t packed_bytes;

static void* pack(void* unused) {
  (void)unused;
  static _Thread_local LZ4_stream_t state;
  static _Thread_local char out[CHUNK_BYTES + CHUNK_BYTES / 255 + 16];
  size_t sum = 0;
  for (;;) {
    const size_t at = atomic_fetch_add(&next_at, CHUNK_BYTES);
    if (at + CHUNK_BYTES > source_bytes) {
      break;
    }
    sum += (size_t)LZ4_compress_fast_extState(&state, source + at, out, CHUNK_BYTES, (int)sizeof out, 1);
  }
  atomic_fetch_add(&packed_bytes, sum);
  return NULL;
}

int main(int argc, char** argv) {
  const int fd = open(argument(argc, argv, 1), O_RDONLY | O_CLOEXEC);
  fail_unless(fd >= 0, "open");
  struct stat status;
  fail_unless(fstat(fd, &status) == 0, "fstat");
  source_bytes = (size_t)status.st_size;
  source = mmap(NULL, source_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  fail_unless(source != MAP_FAILED, "mmap");
  const size_t threads = number(argc, argv, 2);
  fail_unless(threads >= 1 && threads <= THREADS_MAX, "threads");
  pthread_t team[THREADS_MAX];
  const int64_t start_ns = now_ns();
  for (size_t i = 0; i < threads; ++i) {
    fail_unless(pthread_create(&team[i], NULL, pack, NULL) == 0, "pthread_create");
  }
  for (size_t i = 0; i < threads; ++i) {
    pthread_join(team[i], NULL);
  }
  const int64_t ns = now_ns() - start_ns;
  printf("{\"ns\":%" PRId64 ",\"packedBytes\":%zu}\n", ns, atomic_load(&packed_bytes));
  return 0;
}
