#include "trace/userfault_making.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <span>

#include "kernel/abi.h"
#include "kernel/fd_passing.h"
#include "kernel/process.h"
#include "trace/target_memory.h"
#include "trace/target_things.h"

namespace stillframe::trace {

namespace {

constexpr uint64_t kUffdFlags = O_CLOEXEC | O_NONBLOCK;
constexpr uint64_t kScratchBytes = 4096;
/// pidfd_open(2): of a thread (Linux 6.9). A thread may have descriptors of its own, and the first one may
/// have ended, with none.
constexpr unsigned kPidfdThread = O_EXCL;

Outcome FromCall(int64_t result) {
  switch (-result) {
    case EMFILE:
    case ENFILE:
      return {Failure::kNoFreeFd, static_cast<int>(-result)};
    case ENOMEM:
      return {Failure::kNoMemory, ENOMEM};
    case ENOSYS:
    case EPERM:
    case EACCES:
      return {Failure::kUserfaultfdUnavailable, static_cast<int>(-result)};
    default:
      return result < 0 ? Outcome{Failure::kSystem, static_cast<int>(-result)} : Outcome{};
  }
}

/// What recvmsg is given, in the target's memory.
struct Scratch {
  int sockets[2];
  msghdr message;
  iovec data;
  char byte;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};
static_assert(sizeof(Scratch) <= kScratchBytes);

template <typename Field>
Field* At(uint64_t scratch, size_t offset) {
  return reinterpret_cast<Field*>(scratch + offset);
}

}  // namespace

Outcome UserfaultMaking::Make(UniqueFd* uffd) {
  const Outcome made = ByItself(uffd);
  if (made.failure != Failure::kUserfaultfdUnavailable || made.error != EPERM) return made;
  const UniqueFd device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
  return device ? WithDevice(device.get(), uffd) : made;
}

Outcome UserfaultMaking::ByItself(UniqueFd* uffd) {
  int64_t fd = 0;
  if (const Outcome called = injection_.Call(&fd, abi::kSysUserfaultfd, {kUffdFlags}); !called.ok())
    return called;
  if (fd < 0) return FromCall(fd);
  return Finish(static_cast<int>(fd), uffd);
}

Outcome UserfaultMaking::WithDevice(int device, UniqueFd* uffd) {
  int64_t scratch = 0;
  const Outcome mapped = injection_.Call(
      &scratch, SYS_mmap,
      {0, kScratchBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, static_cast<uint64_t>(-1), 0});
  if (!mapped.ok()) return mapped;
  if (scratch < 0) return FromCall(scratch);
  const auto address = static_cast<uint64_t>(scratch);
  const TargetMapping mapping(injection_, address, kScratchBytes);
  if (const Outcome reached = channel_.Reached(Step::kScratchMapped); !reached.ok()) return reached;

  int lent = -1;
  if (const Outcome done = Lend(device, address, &lent); !done.ok()) return done;
  const TargetFd target_device(injection_, lent);
  if (const Outcome reached = channel_.Reached(Step::kDeviceReceived); !reached.ok()) return reached;

  int64_t fd = 0;
  const Outcome called =
      injection_.Call(&fd, SYS_ioctl, {static_cast<uint64_t>(lent), abi::kDevIocNew, kUffdFlags});
  if (!called.ok()) return called;
  if (fd < 0) return FromCall(fd);
  return Finish(static_cast<int>(fd), uffd);
}

/// Passes the descriptor over a socket that the target makes, the one way in.
Outcome UserfaultMaking::Lend(int device, uint64_t scratch, int* target_fd) {
  int64_t made = 0;
  const Outcome called =
      injection_.Call(&made, SYS_socketpair,
                      {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scratch + offsetof(Scratch, sockets)});
  if (!called.ok()) return called;
  if (made < 0) return FromCall(made);
  int sockets[2] = {-1, -1};
  const bool read = ReadValue(injection_.tid(), scratch + offsetof(Scratch, sockets), &sockets);
  TargetFd near(injection_, sockets[0]);
  const TargetFd far(injection_, sockets[1]);
  if (!read) return {Failure::kSystem, EFAULT};
  if (const Outcome reached = channel_.Reached(Step::kSocketsMade); !reached.ok()) return reached;

  UniqueFd ours;
  if (const Outcome taken = Take(near.get(), &ours); !taken.ok()) return taken;
  const std::byte data[1] = {};
  if (const SysResult sent = SendFds(ours.get(), {&device, 1}, data, MSG_DONTWAIT); !sent.ok()) {
    return {Failure::kSystem, sent.error};
  }
  if (const Outcome reached = channel_.Reached(Step::kDeviceSent); !reached.ok()) return reached;
  // Its slot is where the device will be: one free descriptor less is needed.
  if (const Outcome closed = near.Close(); !closed.ok()) return closed;
  return ReceiveDevice(far.get(), scratch, target_fd);
}

Outcome UserfaultMaking::ReceiveDevice(int socket, uint64_t scratch, int* target_fd) {
  Scratch there{};
  there.data = {At<void>(scratch, offsetof(Scratch, byte)), 1};
  there.message.msg_iov = At<iovec>(scratch, offsetof(Scratch, data));
  there.message.msg_iovlen = 1;
  there.message.msg_control = At<void>(scratch, offsetof(Scratch, control));
  there.message.msg_controllen = sizeof(there.control);
  if (!WriteValue(injection_.tid(), scratch, there)) return {Failure::kSystem, EFAULT};
  int64_t received = 0;
  const Outcome called = injection_.Call(
      &received, SYS_recvmsg,
      {static_cast<uint64_t>(socket), scratch + offsetof(Scratch, message), MSG_CMSG_CLOEXEC | MSG_DONTWAIT});
  if (!called.ok()) return called;
  if (received < 0) return FromCall(received);
  if (!ReadValue(injection_.tid(), scratch, &there)) return {Failure::kSystem, EFAULT};
  // The kernel drops what the target has no room for, and says so only here.
  if ((there.message.msg_flags & MSG_CTRUNC) != 0) return {Failure::kNoFreeFd, EMFILE};
  std::memcpy(target_fd, CMSG_DATA(reinterpret_cast<cmsghdr*>(there.control)), sizeof(*target_fd));
  return {};
}

Outcome UserfaultMaking::Finish(int target_fd, UniqueFd* uffd) {
  TargetFd made(injection_, target_fd);
  if (const Outcome reached = channel_.Reached(Step::kUserfaultfdMade); !reached.ok()) return reached;
  UniqueFd taken;
  if (const Outcome took = Take(target_fd, &taken); !took.ok()) return took;
  if (const Outcome reached = channel_.Reached(Step::kUserfaultfdTaken); !reached.ok()) return reached;
  if (const Outcome closed = made.Close(); !closed.ok()) return closed;
  if (const Outcome reached = channel_.Reached(Step::kUserfaultfdClosed); !reached.ok()) return reached;
  *uffd = std::move(taken);
  return {};
}

Outcome UserfaultMaking::Take(int target_fd, UniqueFd* fd) const {
  const SysResult opened = PidfdOpen(injection_.tid(), kPidfdThread);
  const UniqueFd owner(opened.ok() ? static_cast<int>(opened.value) : -1);
  const SysResult taken = PidfdGetfd(owner ? owner.get() : process_, target_fd);
  if (!taken.ok()) return {Failure::kSystem, taken.error};
  *fd = UniqueFd(static_cast<int>(taken.value));
  return {};
}

}  // namespace stillframe::trace
