// Writes, and holds a reservation of 1 TiB of which it has touched a few pages.
#include <stddef.h>
#include <sys/mman.h>

#include "failure.h"
#include "stamps.h"
#include "target.h"

#define RESERVED_BYTES (1ull << 40)
#define TOUCHED 16
#define STRIDE_BYTES (RESERVED_BYTES / TOUCHED)

static uint8_t* reserve;

static void setup(void) {
  reserve =
      mmap(NULL, RESERVED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  fail_unless(reserve != MAP_FAILED, "mmap");
  fail_unless(madvise(reserve, RESERVED_BYTES, MADV_NOHUGEPAGE) == 0, "madvise");
  for (uint64_t i = 0; i < TOUCHED; ++i) {
    *(uint64_t*)(reserve + i * STRIDE_BYTES) = i + 1;
  }
  target_fact("reserved", RESERVED_BYTES);
  target_fact("first", (uintptr_t)reserve);
  target_fact("stride", STRIDE_BYTES);
  target_fact("touched", TOUCHED);
}

static void check(void) {
  for (uint64_t i = 0; i < TOUCHED; ++i) {
    target_wrong_unless(*(uint64_t*)(reserve + i * STRIDE_BYTES) == i + 1, "the reservation lost a stamp");
  }
}

int main(int argc, char** argv) {
  return target_main(argc, argv, &(struct target){.setup = setup, .check = check});
}
