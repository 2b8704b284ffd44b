// The only program of the test machine: /init of its initramfs.
//
// Stamps pages of one buffer in a pseudo-random order with ascending numbers, at a set rate, and times each
// stamp. So an image of the machine's memory shows one instant if and only if each page has the newest stamp
// up to one number. src/writer-oracle.ts reads it.
//
// Parameters are kernel command line words, which the kernel gives to init as environment variables:
// sf_pages, sf_rate (stamps a second). Commands are single letters on the serial port: c checks every page, s
// tells and forgets the stalls, q turns the machine off, z puts it to sleep (ACPI S3), of which it does not
// wake.

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
  PAGE_BYTES = 4096,
  BATCHES_PER_SECOND = 1000,
  PAGES_DEFAULT = 16384,
  RATE_DEFAULT = 20000,
  PAGES_MAX = 1 << 22
};
// Eight buckets for each power of two: a bucket is at most an eighth wider than the one below.
enum { SUB_BUCKETS = 8, BUCKETS = 40 * SUB_BUCKETS };
static const uint64_t kPageMagic = 0x6567617066737473;   // "stsfpage"
static const uint64_t kTableMagic = 0x656c62617466736d;  // "msftable"

// Each page of the buffer, and nothing else in the machine, begins so. The stamp is stored at the head first,
// then at the tail.
struct Page {
  uint64_t magic, index, head;
  uint8_t rest[PAGE_BYTES - 4 * 8];
  uint64_t tail;
};

// A page of its own: where the writer is.
struct Table {
  uint64_t magic, pages, newest;
};

_Static_assert(sizeof(struct Page) == PAGE_BYTES, "one stamp a page");

static volatile struct Page* buffer;
static volatile struct Table* table;
static uint64_t *expected, counts[BUCKETS], longest_ns, stamps;
static int serial;

static void Say(const char* format, ...) {
  static char line[16384];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  for (int at = 0; at < length;) {
    ssize_t written = write(serial, line + at, (size_t)(length - at));
    if (written > 0) at += (int)written;
  }
}

static uint64_t NowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// The finalizer of MurmurHash3, which is in the public domain.
static uint32_t Mixed(uint32_t value) {
  value = (value ^ value >> 16) * 0x85ebca6bu;
  value = (value ^ value >> 13) * 0xc2b2ae35u;
  return value ^ value >> 16;
}

static int BucketOf(uint64_t ns) {
  if (ns < SUB_BUCKETS) return (int)ns;
  int power = 63 - __builtin_clzll(ns);
  int bucket = (power - 2) * SUB_BUCKETS + (int)(ns >> (power - 3) & (SUB_BUCKETS - 1));
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static void StampOne(void) {
  uint64_t stamp = table->newest + 1;
  uint64_t index = Mixed((uint32_t)stamp) % table->pages;
  uint64_t start = NowNs();
  table->newest = stamp;
  buffer[index].head = stamp;
  buffer[index].tail = stamp;
  uint64_t took = NowNs() - start;
  expected[index] = stamp;
  counts[BucketOf(took)]++;
  stamps++;
  if (took > longest_ns) longest_ns = took;
}

// What the machine itself can tell: each page is as it was left.
static void Check(void) {
  uint64_t wrong = 0;
  for (uint64_t index = 0; index < table->pages; index++) {
    volatile struct Page* page = &buffer[index];
    wrong += page->magic != kPageMagic || page->index != index || page->head != expected[index] ||
             page->tail != expected[index];
  }
  Say("SF {\"check\":\"%s\",\"wrongPages\":%lu,\"newest\":%lu}\n", wrong == 0 ? "ok" : "wrong", wrong,
      table->newest);
}

static void TellStalls(void) {
  Say("SF {\"stamps\":%lu,\"longestNs\":%lu,\"counts\":[", stamps, longest_ns);
  const char* comma = "";
  for (int bucket = 0; bucket < BUCKETS; bucket++) {
    if (counts[bucket] == 0) continue;
    Say("%s[%d,%lu]", comma, bucket, counts[bucket]);
    comma = ",";
  }
  Say("]}\n");
  memset(counts, 0, sizeof counts);
  stamps = longest_ns = 0;
}

// PM1a_CNT of the machine's PIIX4, where its firmware puts it, and what it takes for S3: SLP_TYP and SLP_EN.
enum { PM_CONTROL_PORT = 0x604, SLEEP_TYPE_S3 = 1 << 10, SLEEP_ENABLE = 1 << 13 };

static void Sleep(void) {
  if (iopl(3) == 0) outw(SLEEP_TYPE_S3 | SLEEP_ENABLE, PM_CONTROL_PORT);
}

static void Listen(void) {
  char letter;
  if (read(serial, &letter, 1) != 1) return;
  if (letter == 'c') Check();
  if (letter == 's') TellStalls();
  if (letter == 'q') reboot(RB_POWER_OFF);
  if (letter == 'z') Sleep();
}

static uint64_t Parameter(const char* name, uint64_t fallback, uint64_t most) {
  const char* text = getenv(name);
  uint64_t value = text == NULL ? fallback : strtoull(text, NULL, 10);
  return value < 1 ? 1 : value > most ? most : value;
}

static void OpenSerial(void) {
  mkdir("/dev", 0755);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  mkdir("/proc", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK);
  struct termios settings;
  tcgetattr(serial, &settings);
  cfmakeraw(&settings);
  tcsetattr(serial, TCSANOW, &settings);
}

// A page that the kernel moves leaves its old content behind, and an image would show it twice.
static void KeepPagesWhereTheyAre(void) {
  int file = open("/proc/sys/vm/compact_unevictable_allowed", O_WRONLY);
  if (file < 0 || write(file, "0", 1) != 1) Say("SF {\"note\":\"pages may move\"}\n");
  mlockall(MCL_CURRENT);
}

static void* Allocate(uint64_t bytes) {
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

int main(void) {
  OpenSerial();
  uint64_t pages = Parameter("sf_pages", PAGES_DEFAULT, PAGES_MAX);
  uint64_t rate = Parameter("sf_rate", RATE_DEFAULT, UINT32_MAX);
  buffer = Allocate(pages * PAGE_BYTES);
  table = Allocate(PAGE_BYTES);
  expected = Allocate(pages * 8);
  if (buffer == MAP_FAILED || table == MAP_FAILED || expected == MAP_FAILED) {
    Say("SF {\"failed\":\"%lu pages do not fit\"}\n", pages);
    reboot(RB_POWER_OFF);
  }
  KeepPagesWhereTheyAre();
  for (uint64_t index = 0; index < pages; index++) {
    // Content that no codec makes small, so that sizes and times are those of used memory.
    uint64_t* words = (uint64_t*)&buffer[index];
    for (int word = 0; word < PAGE_BYTES / 8; word++) {
      words[word] = (uint64_t)Mixed((uint32_t)(index * 1024 + (uint32_t)word * 2)) << 32 |
                    Mixed((uint32_t)(index * 1024 + (uint32_t)word * 2 + 1));
    }
    buffer[index].index = index;
    buffer[index].head = buffer[index].tail = 0;
    buffer[index].magic = kPageMagic;
  }
  table->pages = pages;
  table->magic = kTableMagic;
  Say("SF {\"ready\":%lu,\"rate\":%lu}\n", pages, rate);
  uint64_t due_ns = NowNs();
  for (;;) {
    for (uint64_t left = rate / BATCHES_PER_SECOND; left > 0; left--) StampOne();
    Listen();
    due_ns += 1000000000u / BATCHES_PER_SECOND;
    uint64_t now_ns = NowNs();
    // After a standstill the rate is kept from then on; what was missed is not made up for.
    if (now_ns > due_ns + 100000000u) due_ns = now_ns;
    struct timespec due = {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
  }
}
