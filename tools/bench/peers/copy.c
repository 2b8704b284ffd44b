// copy BYTES KIND FORM: what memory allows. Forms: `ring`, blocks into a few slots used again and again, as
// the engine's sweep does; `whole`, into as much memory again; `release`, as `ring`, and armed huge pages'
// worth is un-protected after each copy: the least that a sweep has to do.
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "guest_memory.h"
#include "userfault.h"

// What may lie between the sweep and the sink.
#define RING_BYTES (4 * BLOCK_BYTES)

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  uint8_t* source = map_guest(bytes, argument(argc, argv, 2));
  const char* form = argument(argc, argv, 3);
  const int releases = strcmp(form, "release") == 0;
  const size_t room = strcmp(form, "whole") == 0 ? bytes : RING_BYTES;
  uint8_t* destination = map_destination(room);
  const int uffd = releases ? watch_writes(source, bytes) : -1;
  if (releases) {
    arm(uffd, source, bytes);
  }
  const int64_t start_ns = now_ns();
  for (size_t at = 0; at < bytes; at += BLOCK_BYTES) {
    memcpy(destination + at % room, source + at, BLOCK_BYTES);
    if (releases && (at + BLOCK_BYTES) % HUGE_PAGE_BYTES == 0) {
      release(uffd, source + at + BLOCK_BYTES - HUGE_PAGE_BYTES, HUGE_PAGE_BYTES);
    }
  }
  printf("{\"ns\":%" PRId64 "}\n", now_ns() - start_ns);
  return 0;
}
