// arm BYTES KIND: the bare ioctl that write-protects a range, once.
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "guest_memory.h"
#include "memory_map.h"
#include "userfault.h"

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  uint8_t* memory = map_guest(bytes, argument(argc, argv, 2));
  const int uffd = watch_writes(memory, bytes);
  const int64_t start_ns = now_ns();
  arm(uffd, memory, bytes);
  const int64_t elapsed_ns = now_ns() - start_ns;
  printf("{\"ns\":%" PRId64 ",\"hugeBytes\":%" PRId64 "}\n", elapsed_ns,
         mapping_bytes((uintptr_t)memory, "AnonHugePages:"));
  return 0;
}
