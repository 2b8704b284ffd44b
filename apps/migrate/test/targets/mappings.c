// Writes, and has 10,000 mappings besides: single pages that its neighbours, which nothing may touch, keep
// apart.
#include <stddef.h>
#include <sys/mman.h>

#include "failure.h"
#include "stamps.h"
#include "target.h"

#define MAPPINGS 10000
#define STRIDE_BYTES (2 * (uint64_t)STAMP_PAGE_BYTES)

static uint8_t* reserve;

static uint64_t stamp_of(unsigned index) { return 0x5f00000000000000 + index; }

static void setup(void) {
  reserve = mmap(NULL, MAPPINGS * STRIDE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fail_unless(reserve != MAP_FAILED, "mmap");
  for (unsigned i = 0; i < MAPPINGS; ++i) {
    uint8_t* page = reserve + i * STRIDE_BYTES;
    fail_unless(mprotect(page, STAMP_PAGE_BYTES, PROT_READ | PROT_WRITE) == 0, "mprotect");
    *(uint64_t*)page = stamp_of(i);
  }
  target_fact("mappings", MAPPINGS);
  target_fact("first", (uintptr_t)reserve);
  target_fact("stride", STRIDE_BYTES);
}

/// Changes one after the other and back, so that faults come all over.
static void disturb(uint64_t round) {
  volatile uint64_t* page = (volatile uint64_t*)(reserve + (round % MAPPINGS) * STRIDE_BYTES);
  page[1] = round;
}

static void check(void) {
  for (unsigned i = 0; i < MAPPINGS; ++i) {
    const uint64_t stamp = *(const uint64_t*)(reserve + i * STRIDE_BYTES);
    target_wrong_unless(stamp == stamp_of(i), "a mapping lost its stamp");
  }
}

int main(int argc, char** argv) {
  return target_main(argc, argv, &(struct target){.setup = setup, .disturb = disturb, .check = check});
}
