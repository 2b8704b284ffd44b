#include "stamps.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "failure.h"
#include "target.h"

// A page for the header, and one for each thread's published step: writers do not fault on each other's.
#define LEADING_PAGES(threads) (1 + (uint64_t)(threads))
#define WRITER_STACK_BYTES (64 * 1024)

static struct {
  uint8_t* memory;
  unsigned threads;
  uint64_t pages;
  struct timespec pause;
  pthread_t* writers;
  atomic_bool stop;
} state;

static _Atomic uint64_t* published(unsigned thread) {
  return (_Atomic uint64_t*)(state.memory + (1 + thread) * (uint64_t)STAMP_PAGE_BYTES);
}

static volatile uint64_t* page_of(unsigned thread, uint64_t step) {
  const uint64_t page = LEADING_PAGES(state.threads) + thread * state.pages + (step - 1) % state.pages;
  return (volatile uint64_t*)(state.memory + page * STAMP_PAGE_BYTES);
}

static void write_stamp(volatile uint64_t* page, uint64_t step, uint64_t seen) {
  for (unsigned word = 0; word < STAMP_WORDS; ++word) {
    page[word] = word == STAMP_SEEN_WORD ? seen : step;
  }
}

static void* write_stamps(void* argument) {
  const unsigned thread = (unsigned)(uintptr_t)argument;
  const unsigned next = (thread + 1) % state.threads;
  for (uint64_t step = 1; !atomic_load(&state.stop); ++step) {
    write_stamp(page_of(thread, step), step, atomic_load(published(next)));
    atomic_store(published(thread), step);
    if (state.pause.tv_nsec != 0) {
      nanosleep(&state.pause, NULL);
    }
  }
  return NULL;
}

void stamps_start(unsigned threads, uint64_t pages, unsigned pause_us) {
  const uint64_t bytes = (LEADING_PAGES(threads) + threads * pages) * STAMP_PAGE_BYTES;
  state.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fail_unless(state.memory != MAP_FAILED, "mmap");
  state.threads = threads;
  state.pages = pages;
  state.pause.tv_nsec = (long)pause_us * 1000;
  struct stamp_header* header = (struct stamp_header*)state.memory;
  memcpy(&header->magic, "SFSTAMPS", sizeof header->magic);
  header->magic = ~header->magic;
  header->threads = threads;
  header->pages = pages;
  state.writers = calloc(threads, sizeof *state.writers);
  fail_unless(state.writers != NULL, "calloc");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, WRITER_STACK_BYTES);
  for (unsigned i = 0; i < threads; ++i) {
    errno = pthread_create(&state.writers[i], &attributes, write_stamps, (void*)(uintptr_t)i);
    fail_unless(errno == 0, "pthread_create");
  }
}

const void* stamps_address(void) { return state.memory; }

void stamps_await(uint64_t more) {
  uint64_t* goals = calloc(state.threads, sizeof *goals);
  fail_unless(goals != NULL, "calloc");
  for (unsigned i = 0; i < state.threads; ++i) {
    goals[i] = atomic_load(published(i)) + more;
  }
  const struct timespec look = {.tv_nsec = 1000000};
  for (unsigned i = 0; i < state.threads; ++i) {
    while (atomic_load(published(i)) < goals[i]) {
      nanosleep(&look, NULL);
    }
  }
  free(goals);
}

static void check_thread(unsigned thread) {
  const uint64_t last = atomic_load(published(thread));
  const uint64_t first = last > state.pages ? last - state.pages + 1 : 1;
  for (uint64_t step = first; step <= last; ++step) {
    const volatile uint64_t* page = page_of(thread, step);
    for (unsigned word = 0; word < STAMP_WORDS; ++word) {
      target_wrong_unless(word == STAMP_SEEN_WORD || page[word] == step, "a page lost its stamp");
    }
  }
}

void stamps_stop_and_check(void) {
  atomic_store(&state.stop, true);
  for (unsigned i = 0; i < state.threads; ++i) {
    pthread_join(state.writers[i], NULL);
  }
  for (unsigned i = 0; i < state.threads; ++i) {
    check_thread(i);
  }
}
