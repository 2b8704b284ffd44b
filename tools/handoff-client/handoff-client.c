// Behaves as a virtual machine monitor does that restores a machine from a snapshot with a page-fault
// handler: maps the memory of its guest, registers it with a userfaultfd, connects to the handler's Unix
// socket, and sends in one message the JSON list of its mappings with the userfaultfd (and the memory file,
// if there is one) by SCM_RIGHTS. Then it keeps the connection, and touches memory. Protocol: Firecracker,
// docs/snapshotting/handling-page-faults-on-snapshot-resume.md.
//
// usage: handoff-client SOCKET OUT anon|memfd|private FIRST COUNT OFFSET:SIZE...
//   Gives COUNT pages from page FIRST of the first mapping back, after the first of them was touched, as a
//   balloon does. Then writes all of its memory, mapping by mapping, to OUT, and ends.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { kMappingsMax = 16, kPage = 4096 };

struct mapping {
  char* address;
  size_t offset;
  size_t size;
};

static void die(const char* what) {
  perror(what);
  exit(1);
}

static int open_uffd(void) {
  const int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) die("userfaultfd");
  struct uffdio_api api = {.api = UFFD_API,
                           .features = UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_MISSING_SHMEM};
  if (ioctl(fd, UFFDIO_API, &api) != 0) die("UFFDIO_API");
  return fd;
}

static int connect_to(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  if (fd < 0 || connect(fd, (struct sockaddr*)&name, sizeof name) != 0) die("connect");
  return fd;
}

static void send_list(int to, const char* json, const int* fds, size_t count) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
  } control = {0};
  struct iovec data = {.iov_base = (void*)json, .iov_len = strlen(json)};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(head), fds, count * sizeof(int));
  if (sendmsg(to, &message, 0) != (ssize_t)strlen(json)) die("sendmsg");
}

int main(int argc, char** argv) {
  if (argc < 7 || argc - 6 > kMappingsMax) {
    fprintf(stderr, "usage: handoff-client SOCKET OUT anon|memfd|private FIRST COUNT OFFSET:SIZE...\n");
    return 2;
  }
  const int is_file = strcmp(argv[3], "anon") != 0;
  const int sharing = strcmp(argv[3], "memfd") == 0 ? MAP_SHARED : MAP_PRIVATE;
  const size_t first = strtoul(argv[4], NULL, 0), given = strtoul(argv[5], NULL, 0);
  struct mapping mappings[kMappingsMax];
  const size_t count = (size_t)(argc - 6);
  size_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    char* size = NULL;
    mappings[i].offset = strtoul(argv[6 + i], &size, 0);
    mappings[i].size = strtoul(size + 1, NULL, 0);
    if (mappings[i].offset + mappings[i].size > end) end = mappings[i].offset + mappings[i].size;
  }

  int fds[2] = {open_uffd(), -1};
  if (is_file) {
    fds[1] = memfd_create("guest", MFD_CLOEXEC);
    if (fds[1] < 0 || ftruncate(fds[1], (off_t)end) != 0) die("memfd");
  }
  char json[4096] = "[";
  for (size_t i = 0; i < count; ++i) {
    struct mapping* m = &mappings[i];
    m->address = mmap(NULL, m->size, PROT_READ | PROT_WRITE, is_file ? sharing : MAP_PRIVATE | MAP_ANONYMOUS,
                      fds[1], is_file ? (off_t)m->offset : 0);
    if (m->address == MAP_FAILED) die("mmap");
    struct uffdio_register range = {
        {(uint64_t)(uintptr_t)m->address, m->size}, UFFDIO_REGISTER_MODE_MISSING, 0};
    if (ioctl(fds[0], UFFDIO_REGISTER, &range) != 0) die("UFFDIO_REGISTER");
    const size_t at = strlen(json);
    snprintf(
        json + at, sizeof json - at,
        "%s{\"base_host_virt_addr\":%llu,\"size\":%zu,\"offset\":%zu,\"page_size\":%d,\"page_size_kib\":%d}",
        i == 0 ? "" : ",", (unsigned long long)(uintptr_t)m->address, m->size, m->offset, kPage, kPage);
  }
  strcat(json, "]");
  const int to = connect_to(argv[1]);
  send_list(to, json, fds, is_file ? 2 : 1);

  if (given > 0) {
    char* from = mappings[0].address + first * kPage;
    fprintf(stderr, "touched %d\n", *(volatile char*)from);
    if (madvise(from, given * kPage, sharing == MAP_SHARED ? MADV_REMOVE : MADV_DONTNEED) != 0)
      die("madvise");
  }
  FILE* out = fopen(argv[2], "w");
  if (out == NULL) die(argv[2]);
  char page[kPage];
  for (size_t i = 0; i < count; ++i) {
    for (size_t at = 0; at < mappings[i].size; at += kPage) {
      memcpy(page, mappings[i].address + at, kPage);
      if (fwrite(page, kPage, 1, out) != 1) die("fwrite");
    }
  }
  return fclose(out) == 0 ? 0 : 1;
}
