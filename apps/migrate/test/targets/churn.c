// Writes, and changes its mappings all the time: churn THREADS PAGES PAUSE_US WHAT
//   fresh    from `begin` on: maps, fills and unmaps memory of its own
//   brk      from `begin` on: the heap grows, and shrinks to what it was
//   unmap    a hand of buffers takes turns: one that has been there for long is unmapped, and a new one takes
//   its place remap    one mapping grows, moves and shrinks discard  MADV_DONTNEED on memory that was written
//   free     MADV_FREE likewise
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failure.h"
#include "stamps.h"
#include "target.h"

#define BUFFERS 32
#define BUFFER_PAGES 16
#define BUFFER_BYTES (BUFFER_PAGES * (size_t)STAMP_PAGE_BYTES)

static uint8_t* buffers[BUFFERS];

static uint8_t* map_filled(uint8_t value) {
  uint8_t* memory = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    target_wrong("mmap failed");
    return NULL;
  }
  memset(memory, value, BUFFER_BYTES);
  return memory;
}

static bool holds(const uint8_t* memory, size_t bytes, uint8_t value) {
  return memory[0] == value && memcmp(memory, memory + 1, bytes - 1) == 0;
}

static void setup_buffers(void) {
  for (unsigned i = 0; i < BUFFERS; ++i) {
    buffers[i] = map_filled((uint8_t)i);
  }
}

static void fresh(uint64_t round) {
  uint8_t* memory = map_filled((uint8_t)round);
  target_wrong_unless(holds(memory, BUFFER_BYTES, (uint8_t)round), "a fresh mapping is not what was written");
  munmap(memory, BUFFER_BYTES);
}

static void unmap(uint64_t round) {
  uint8_t** buffer = &buffers[round % BUFFERS];
  target_wrong_unless(holds(*buffer, BUFFER_BYTES, **buffer), "a buffer changed");
  target_wrong_unless(munmap(*buffer, BUFFER_BYTES) == 0, "munmap failed");
  *buffer = map_filled((uint8_t)round);
}

static void remap(uint64_t round) {
  uint8_t** buffer = &buffers[round % BUFFERS];
  uint8_t* grown = mremap(*buffer, BUFFER_BYTES, 2 * BUFFER_BYTES, MREMAP_MAYMOVE);
  target_wrong_unless(grown != MAP_FAILED && holds(grown, BUFFER_BYTES, *grown), "mremap lost a buffer");
  target_wrong_unless(mremap(grown, 2 * BUFFER_BYTES, BUFFER_BYTES, 0) == grown, "mremap failed");
  *buffer = grown;
}

static void advise(uint64_t round, int advice) {
  uint8_t* buffer = buffers[round % BUFFERS];
  target_wrong_unless(madvise(buffer, BUFFER_BYTES, advice) == 0, "madvise failed");
  for (unsigned page = 0; page < BUFFER_PAGES; ++page) {
    const uint8_t found = buffer[page * STAMP_PAGE_BYTES];
    target_wrong_unless(found == 0 || advice == MADV_FREE, "discarded memory is not zero");
  }
  memset(buffer, (int)(round & 0xff), BUFFER_BYTES);
}

static void discard(uint64_t round) { advise(round, MADV_DONTNEED); }

static void release(uint64_t round) { advise(round, MADV_FREE); }

/// This thread is the only one that allocates while it runs, so the heap's end is its own to move.
static void grow(uint64_t round) {
  uint8_t* end = sbrk((intptr_t)BUFFER_BYTES);
  if ((intptr_t)end == -1) {
    target_wrong("sbrk failed");
    return;
  }
  memset(end, (int)(round & 0xff), BUFFER_BYTES);
  if (round % BUFFERS == 0) {
    target_wrong_unless(sbrk(-(intptr_t)(BUFFERS * BUFFER_BYTES)) != (void*)-1, "sbrk failed");
  }
}

static const struct {
  const char* name;
  void (*disturb)(uint64_t round);
  bool when_told;
} kinds[] = {{"fresh", fresh, true},  {"brk", grow, true},         {"unmap", unmap, false},
             {"remap", remap, false}, {"discard", discard, false}, {"free", release, false}};

int main(int argc, char** argv) {
  fail_unless(argc == 5, "usage: THREADS PAGES PAUSE_US WHAT");
  for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    if (strcmp(kinds[i].name, argv[4]) == 0) {
      const struct target target = {
          .setup = setup_buffers, .disturb = kinds[i].disturb, .disturbs_when_told = kinds[i].when_told};
      return target_main(argc, argv, &target);
    }
  }
  fail_unless(0, "no such churn");
}
