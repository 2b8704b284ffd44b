// Waits in one system call, named by the argument, and tells how that ended: "RESULT ERRNO HANDLED
// MASK-UNCHANGED". Time-outs are 300 ms. Descriptor 0 ends the waits for a byte, SIGUSR1 those for a signal.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct timespec limit = {0, 300000000};
static volatile sig_atomic_t handled;
static uint32_t word;
static int epoll;

static void handle(int signal) {
  (void)signal;
  ++handled;
}

static long wait_in(const char* name) {
  struct pollfd in = {0, POLLIN, 0};
  struct epoll_event event;
  sigset_t usr1, others;
  char byte;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigemptyset(&others);
  sigaddset(&others, SIGUSR2);

  if (!strcmp(name, "nanosleep")) return nanosleep(&limit, NULL);
  if (!strcmp(name, "clock_nanosleep")) return clock_nanosleep(CLOCK_MONOTONIC, 0, &limit, NULL);
  if (!strcmp(name, "futex")) return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit, NULL, 0);
  if (!strcmp(name, "poll-time")) return poll(NULL, 0, 300);
  if (!strcmp(name, "select-time")) {
    struct timeval time = {0, 300000};
    return select(0, NULL, NULL, NULL, &time);
  }
  if (!strcmp(name, "read")) return read(0, &byte, 1);
  if (!strcmp(name, "poll")) return poll(&in, 1, -1);
  if (!strcmp(name, "ppoll")) return ppoll(&in, 1, NULL, &others);
  if (!strcmp(name, "epoll_wait")) return epoll_wait(epoll, &event, 1, -1);
  if (!strcmp(name, "epoll_pwait")) return epoll_pwait(epoll, &event, 1, -1, &others);
  if (!strcmp(name, "recv-limit")) return recv(0, &byte, 1, 0);
  if (!strcmp(name, "sigsuspend")) return sigsuspend(&others);
  if (!strcmp(name, "sigwait")) return sigtimedwait(&usr1, NULL, NULL);
  if (!strcmp(name, "epoll-signal")) return epoll_wait(epoll, &event, 1, -1);
  if (!strcmp(name, "epoll-pwait-signal")) return epoll_pwait(epoll, &event, 1, -1, &others);
  if (!strcmp(name, "semop")) {
    int set = semget(IPC_PRIVATE, 1, 0600);
    // Gone with its last user; the wait ends when another process... nobody else knows it: a time-out ends
    // it.
    struct sembuf take = {0, -1, 0};
    long result = semtimedop(set, &take, 1, &limit);
    int saved = errno;
    semctl(set, 0, IPC_RMID);
    errno = saved;
    return result;
  }
  return -2;
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  struct sigaction action = {.sa_handler = handle};
  sigset_t blocked, after;
  sigaction(SIGUSR1, &action, NULL);
  sigemptyset(&blocked);
  // Open only inside the waits that say so.
  if (!strcmp(name, "sigsuspend") || !strcmp(name, "sigwait") || !strcmp(name, "epoll-pwait-signal"))
    sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  struct epoll_event event = {.events = EPOLLIN};
  epoll = epoll_create1(0);
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
  if (!strcmp(name, "recv-limit")) {
    struct timeval time = {3600, 0};
    setsockopt(0, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  }
  printf("ready\n");
  fflush(stdout);

  errno = 0;
  long result = wait_in(name);
  int error = errno;
  sigprocmask(SIG_SETMASK, NULL, &after);
  printf("%ld %d %d %d\n", result, error, (int)handled, !memcmp(&blocked, &after, 8));
  fflush(stdout);
  // Whoever stops us may be about to do it once more.
  for (char rest; read(0, &rest, 1) > 0;) {
  }
  return 0;
}
