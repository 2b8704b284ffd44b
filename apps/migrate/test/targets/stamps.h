// Memory that proves a cut.
//
// Thread i goes through its pages in order, again and again. Step k (from 1 on) fills page (k - 1) mod
// `pages` word by word with k, and then publishes k. Word 1 of the page is not k but what the next thread had
// published when the step began. So at any one instant, with c published by thread i:
//   - each page holds the last step up to c that went to it, whole; only that of step c + 1 may be filled
//   partly, from its
//     start on,
//   - word 1 is at most what the next thread has published: otherwise its effect is in the picture and its
//   cause is not.
//
// Layout: one page with the header, one page for each thread that begins with its published step, then the
// pages of thread 0, 1, …
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STAMP_PAGE_BYTES 4096
#define STAMP_WORDS (STAMP_PAGE_BYTES / 8)
#define STAMP_SEEN_WORD 1

struct stamp_header {
  /// "SFSTAMPS" with every bit turned around, so that the program's own text does not look like it.
  uint64_t magic;
  uint64_t threads;
  uint64_t pages;
};

/// Maps the memory and starts the writers. Ends the program when it cannot.
void stamps_start(unsigned threads, uint64_t pages, unsigned pause_us);
const void* stamps_address(void);
/// Returns when every writer has done `more` steps from now on.
void stamps_await(uint64_t more);
/// Joins the writers; whether the memory is what they left. Calls target_wrong.
void stamps_stop_and_check(void);
