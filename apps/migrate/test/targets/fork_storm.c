// Writes, and forks all the time. Each child looks at memory of the parent, writes to its own copy, and ends.
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"
#include "stamps.h"
#include "target.h"

#define PAGES 64

static volatile uint64_t* shared_once;

static void setup(void) {
  void* memory =
      mmap(NULL, PAGES * STAMP_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fail_unless(memory != MAP_FAILED, "mmap");
  shared_once = memory;
  for (unsigned page = 0; page < PAGES; ++page) {
    shared_once[page * STAMP_WORDS] = page + 1;
  }
}

static bool child_sees_and_writes(void) {
  for (unsigned page = 0; page < PAGES; ++page) {
    if (shared_once[page * STAMP_WORDS] != page + 1) {
      return false;
    }
    shared_once[page * STAMP_WORDS] = 0;
  }
  return true;
}

static void disturb(uint64_t round) {
  (void)round;
  const pid_t child = fork();
  if (child == 0) {
    _exit(child_sees_and_writes() ? 0 : 1);
  }
  target_wrong_unless(child > 0, "fork failed");
  int status = 0;
  target_wrong_unless(waitpid(child, &status, 0) == child && status == 0, "a child did not end well");
}

static void check(void) {
  for (unsigned page = 0; page < PAGES; ++page) {
    target_wrong_unless(shared_once[page * STAMP_WORDS] == page + 1, "a child wrote to its parent");
  }
}

int main(int argc, char** argv) {
  return target_main(argc, argv, &(struct target){.setup = setup, .disturb = disturb, .check = check});
}
