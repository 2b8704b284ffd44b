// A userfaultfd belongs to the address space of the thread that makes it (T11), so the target makes one for
// us.
#pragma once

#include "kernel/unique_fd.h"
#include "trace/channel.h"
#include "trace/injection.h"
#include "trace/outcome.h"

namespace stillframe::trace {

/// Makes a userfaultfd in the target, takes it and closes the target's. A target that may not make one itself
/// is lent /dev/userfaultfd for the purpose. Nothing that is made for it stays, also on failure.
class UserfaultMaking {
 public:
  /// `process` is a pidfd; not owned. The injection has begun.
  UserfaultMaking(Injection& injection, Channel& channel, int process)
      : injection_(injection), channel_(channel), process_(process) {}

  Outcome Make(UniqueFd* uffd);

 private:
  Outcome ByItself(UniqueFd* uffd);
  Outcome WithDevice(int device, UniqueFd* uffd);
  Outcome Lend(int device, uint64_t scratch, int* target_fd);
  Outcome ReceiveDevice(int socket, uint64_t scratch, int* target_fd);
  Outcome Finish(int target_fd, UniqueFd* uffd);
  Outcome Take(int target_fd, UniqueFd* fd) const;

  Injection& injection_;
  Channel& channel_;
  int process_;
};

}  // namespace stillframe::trace
