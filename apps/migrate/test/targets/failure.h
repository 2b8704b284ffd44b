// A target that cannot do its work says why on stderr and ends.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void fail_unless(int succeeded, const char* what) {
  if (!succeeded) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
  }
}
