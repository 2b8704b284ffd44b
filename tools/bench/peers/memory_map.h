// What proc_pid_smaps(5) says about the mapping that holds an address, in bytes; -1 when it does not say.
#pragma once

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/// `field` with its colon, e.g. "Rss:".
static inline int64_t mapping_bytes(uintptr_t address, const char* field) {
  FILE* smaps = fopen("/proc/self/smaps", "re");
  if (smaps == NULL) {
    return -1;
  }
  char line[512];
  int inside = 0;
  int64_t kib = -1;
  while (kib < 0 && fgets(line, sizeof line, smaps) != NULL) {
    uintptr_t start;
    uintptr_t end;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2) {
      inside = start <= address && address < end;
    } else if (inside && strncmp(line, field, strlen(field)) == 0) {
      sscanf(line + strlen(field), "%" SCNd64, &kib);
    }
  }
  fclose(smaps);
  return kib < 0 ? -1 : kib * 1024;
}
