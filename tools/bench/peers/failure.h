// A peer that cannot do its work says why on stderr and gives no figure.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline void fail_unless(int succeeded, const char* what) {
  if (!succeeded) {
    fail(what);
  }
}

/// Argument `index`, which the caller counts from 1; a missing one ends the program.
static inline const char* argument(int argc, char** argv, int index) {
  if (index >= argc) {
    fprintf(stderr, "argument %d is missing\n", index);
    exit(2);
  }
  return argv[index];
}

static inline uint64_t number(int argc, char** argv, int index) {
  return strtoull(argument(argc, argv, index), NULL, 10);
}
