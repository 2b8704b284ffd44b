// write_file BYTES PATH STATE: writes memory to a file in a plain loop. STATE: `fresh` makes the file,
// `existing` writes over one of that size. The file is the caller's to remove.
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "output.h"

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  const char* path = argument(argc, argv, 2);
  const int exists = strcmp(argument(argc, argv, 3), "existing") == 0;
  const uint8_t* memory = map_guest(bytes, "base");
  warm_file_memory(memory, bytes, path);
  const int fd = create_file(path);
  if (exists) {
    write_all(fd, memory, bytes);
    fail_unless(lseek(fd, 0, SEEK_SET) == 0, "lseek");
  }
  const int64_t start_ns = now_ns();
  write_all(fd, memory, bytes);
  printf("{\"ns\":%" PRId64 "}\n", now_ns() - start_ns);
  return 0;
}
