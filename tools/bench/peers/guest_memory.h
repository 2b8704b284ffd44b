// The memory that is pictured: the same kinds of pages and the same bytes on both sides of every comparison.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "failure.h"

#define BASE_PAGE_BYTES ((size_t)4096)
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define BLOCK_BYTES ((size_t)1 << 20)

/// Bytes that no page stream can make smaller: no page is zero, none repeats. xorshift64* by Vigna, public
/// domain.
static inline void fill_incompressible(uint8_t* memory, size_t bytes) {
  uint64_t state = 0x9E3779B97F4A7C15;
  uint64_t* words = (uint64_t*)memory;
  for (size_t i = 0; i < bytes / sizeof *words; ++i) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    words[i] = state * 0x2545F4914F6CDD1D;
  }
}

/// Private anonymous memory on a huge page boundary, never touched. It lives as long as the process.
static inline uint8_t* map_anonymous(size_t bytes) {
  void* memory = mmap(NULL, bytes + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  fail_unless(memory != MAP_FAILED, "mmap");
  const uintptr_t unaligned = (uintptr_t)memory;
  return (uint8_t*)((unaligned + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1));
}

/// `base`: filled, 4 KiB pages whatever the system's default; `huge`: filled, transparent huge pages where
/// they can be had; `untouched`: never written, so it has no pages.
static inline void prepare_pages(uint8_t* memory, size_t bytes, const char* kind) {
  madvise(memory, bytes, strcmp(kind, "huge") == 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  if (strcmp(kind, "untouched") != 0) {
    fill_incompressible(memory, bytes);
  }
}

static inline uint8_t* map_guest(size_t bytes, const char* kind) {
  uint8_t* memory = map_anonymous(bytes);
  prepare_pages(memory, bytes, kind);
  return memory;
}

/// Touched memory that bytes are copied to.
static inline uint8_t* map_destination(size_t bytes) {
  uint8_t* memory = map_anonymous(bytes);
  madvise(memory, bytes, MADV_HUGEPAGE);
  memset(memory, 1, bytes);
  return memory;
}
