// Has a page, and does as it is told, one letter a line: w writes to the page, v vforks and waits for a child
// that waits for another line, s confines itself, f fills its table of descriptors up to COUNT free ones
// ("f0" … "f9"). Answers "ok"; first the page's address.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void confine(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static void fill(int free_count) {
  struct rlimit limit = {64, 64};
  int last = 0;
  setrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = dup(fd)) last = fd;
  for (int i = 0; i < free_count; ++i) close(last - i);
}

int main(void) {
  char line[16];
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  page[0] = 1;
  printf("%llu\n", (unsigned long long)(uintptr_t)page);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (line[0] == 'w') ++page[0];
    if (line[0] == 's') confine();
    if (line[0] == 'f') fill(line[1] - '0');
    if (line[0] == 'v' && vfork() == 0) {
      // Only system calls: the memory is the parent's.
      char bytes[2];
      _exit(syscall(SYS_read, 0, bytes, 2) > 0 ? 0 : 1);
    }
    printf("ok\n");
    fflush(stdout);
  }
  return 0;
}
