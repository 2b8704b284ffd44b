// A link between two network namespaces with a delay, a rate, losses and an end: what tc-netem does where the
// kernel has it, and the same everywhere else. It holds a TAP device in each namespace and carries Ethernet
// frames from one to the other.
//
//   shaped_link NAMESPACE_A NAMESPACE_B      (names below /run/netns)
//
// Commands come as lines on standard input; each is answered by a line:
//   shape DELAY_US RATE_KBIT LOSS_PPM QUEUE_BYTES     one way each; a rate of 0 is as fast as it goes
//   cut      every frame is lost from now on, those under way too       mend     frames are carried again
//   stats    frames and bytes carried, and lost: on purpose, and because the queue was full
// The end of standard input ends the program, and with it the devices and the namespaces, which it takes
// away: whoever made them may have been killed. It is in a session of its own, so that what kills a group of
// processes does not kill the one that cleans up behind them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { kFrameMax = 9216, kQueueFrames = 8192 };
static const uint64_t kNsPerSecond = 1000000000u;

struct Frame {
  uint64_t due_ns;
  uint32_t length;
  uint8_t bytes[kFrameMax];
};

// Frames in the order in which they were sent; the rate makes it the order in which they are due.
struct Way {
  int from, to;
  uint64_t busy_until_ns;
  uint64_t head, tail;
  uint64_t queued_bytes;
  struct Frame* frames;
};

struct Shape {
  uint64_t delay_ns, rate_kbit, loss_ppm, queue_bytes;
  bool is_cut;
};

struct Stats {
  uint64_t frames, bytes, lost, dropped;
};

static void Die(const char* what) {
  fprintf(stderr, "shaped_link: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t NowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * kNsPerSecond + (uint64_t)now.tv_nsec;
}

static char namespaces[2][256];

// What `ip netns del` does. Programs that still run in one keep it, without its name, until they end.
static void RemoveNamespaces(void) {
  for (int i = 0; i < 2; i++) {
    umount2(namespaces[i], MNT_DETACH);
    unlink(namespaces[i]);
  }
}

// A TAP device called "wire" in the named namespace. We stay there, which does not matter: a device is
// reached by its descriptor.
static int OpenDevice(const char* path) {
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) Die(path);
  close(space);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) Die("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(request.ifr_name, "wire", IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) != 0) Die("TUNSETIFF");
  return fd;
}

// xorshift64*: the same losses in every run.
static uint64_t NextRandom(void) {
  static uint64_t state = 0x9e3779b97f4a7c15u;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1du;
}

static void TakeFrames(struct Way* way, const struct Shape* shape, struct Stats* stats) {
  for (;;) {
    bool is_full = way->head - way->tail == kQueueFrames;
    static uint8_t scrap[kFrameMax];
    struct Frame* frame = &way->frames[way->head % kQueueFrames];
    ssize_t length = read(way->from, is_full ? scrap : frame->bytes, kFrameMax);
    if (length < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      Die("read");
    }
    if (shape->is_cut || NextRandom() % 1000000u < shape->loss_ppm) {
      stats->lost++;
    } else if (is_full || way->queued_bytes + (uint64_t)length > shape->queue_bytes) {
      stats->dropped++;
    } else {
      uint64_t now = NowNs();
      uint64_t start = way->busy_until_ns > now ? way->busy_until_ns : now;
      // kbit/s are bits per millisecond.
      uint64_t takes = shape->rate_kbit == 0 ? 0 : (uint64_t)length * 8u * 1000000u / shape->rate_kbit;
      way->busy_until_ns = start + takes;
      frame->due_ns = way->busy_until_ns + shape->delay_ns;
      frame->length = (uint32_t)length;
      way->queued_bytes += (uint64_t)length;
      way->head++;
    }
  }
}

static void GiveFrames(struct Way* way, bool is_cut, struct Stats* stats) {
  uint64_t now = NowNs();
  while (way->tail != way->head) {
    struct Frame* frame = &way->frames[way->tail % kQueueFrames];
    if (!is_cut && frame->due_ns > now) return;
    if (is_cut) {
      stats->lost++;
    } else if (write(way->to, frame->bytes, frame->length) >= 0) {
      stats->frames++;
      stats->bytes += frame->length;
    } else {
      // The device is down or its queue is full: a real link loses the frame, too.
      stats->dropped++;
    }
    way->queued_bytes -= frame->length;
    way->tail++;
  }
}

static uint64_t NextDueNs(const struct Way* way) {
  return way->tail == way->head ? UINT64_MAX : way->frames[way->tail % kQueueFrames].due_ns;
}

static uint64_t Sooner(uint64_t one, uint64_t other) { return one < other ? one : other; }

// False at the end of the commands.
static bool TakeCommand(struct Shape* shape, const struct Stats* stats) {
  char line[256];
  if (fgets(line, sizeof line, stdin) == NULL) return false;
  unsigned long long delay_us, rate_kbit, loss_ppm, queue_bytes;
  if (sscanf(line, "shape %llu %llu %llu %llu", &delay_us, &rate_kbit, &loss_ppm, &queue_bytes) == 4) {
    shape->delay_ns = delay_us * 1000u;
    shape->rate_kbit = rate_kbit;
    shape->loss_ppm = loss_ppm;
    shape->queue_bytes = queue_bytes;
    puts("ok");
  } else if (strcmp(line, "cut\n") == 0 || strcmp(line, "mend\n") == 0) {
    shape->is_cut = line[0] == 'c';
    puts("ok");
  } else if (strcmp(line, "stats\n") == 0) {
    printf("%llu %llu %llu %llu\n", (unsigned long long)stats->frames, (unsigned long long)stats->bytes,
           (unsigned long long)stats->lost, (unsigned long long)stats->dropped);
  } else {
    puts("unknown command");
  }
  return true;
}

static struct Way MakeWay(int from, int to) {
  struct Way way = {.from = from, .to = to, .frames = calloc(kQueueFrames, sizeof(struct Frame))};
  if (way.frames == NULL) Die("calloc");
  return way;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: shaped_link NAMESPACE_A NAMESPACE_B\n");
    return 2;
  }
  setsid();
  for (int i = 0; i < 2; i++) snprintf(namespaces[i], sizeof namespaces[i], "/run/netns/%s", argv[1 + i]);
  atexit(RemoveNamespaces);
  // Timers are late by 50 us otherwise, which would be a delay of its own.
  prctl(PR_SET_TIMERSLACK, 1);
  setvbuf(stdout, NULL, _IOLBF, 0);
  setvbuf(stdin, NULL, _IONBF, 0);
  int a = OpenDevice(namespaces[0]);
  int b = OpenDevice(namespaces[1]);
  struct Way ways[2] = {MakeWay(a, b), MakeWay(b, a)};
  struct Shape shape = {.queue_bytes = 1u << 20};
  struct Stats stats = {0};
  puts("ready");
  for (;;) {
    uint64_t now = NowNs();
    uint64_t due = Sooner(NextDueNs(&ways[0]), NextDueNs(&ways[1]));
    uint64_t wait = due <= now ? 0 : due - now;
    struct timespec timeout = {.tv_sec = (time_t)(wait / kNsPerSecond),
                               .tv_nsec = (long)(wait % kNsPerSecond)};
    struct pollfd fds[3] = {
        {.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (ppoll(fds, 3, due == UINT64_MAX ? NULL : &timeout, NULL) < 0 && errno != EINTR) Die("ppoll");
    if (fds[2].revents != 0 && !TakeCommand(&shape, &stats)) return 0;
    for (int way = 0; way < 2; way++) {
      TakeFrames(&ways[way], &shape, &stats);
      GiveFrames(&ways[way], shape.is_cut, &stats);
    }
  }
}
