// The descriptor of a TCP connection that somebody else in this process has opened, by its two ends: Node has
// no public way to give a socket away.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <napi.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>

#include "binding/addon.h"
#include "binding/values.h"

namespace stillframe {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

struct End {
  std::string address;
  int port = 0;
  bool operator==(const End&) const = default;
};

using GetName = int (*)(int, sockaddr*, socklen_t*);

/// As inet_ntop writes it, which is how Node does, too. Port 0: no such end.
End EndOf(int fd, GetName get_name) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (get_name(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
    return {};
  }
  if (name.ss_family == AF_INET) {
    const auto* ip = reinterpret_cast<const sockaddr_in*>(&name);
    inet_ntop(AF_INET, &ip->sin_addr, text.data(), text.size());
    return {text.data(), ntohs(ip->sin_port)};
  }
  if (name.ss_family == AF_INET6) {
    const auto* ip = reinterpret_cast<const sockaddr_in6*>(&name);
    inet_ntop(AF_INET6, &ip->sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(ip->sin6_port)};
  }
  return {};
}

bool IsStream(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

/// (localAddress, localPort, remoteAddress, remotePort): a duplicate, or an errno negated.
Napi::Value DuplicateConnection(const Napi::CallbackInfo& info) {
  const End local{info[0].As<Napi::String>().Utf8Value(), ToInt(info[1])};
  const End remote{info[2].As<Napi::String>().Utf8Value(), ToInt(info[3])};
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir("/proc/self/fd"));
  if (directory == nullptr) {
    return Napi::Number::New(info.Env(), -errno);
  }
  while (const dirent* entry = readdir(directory.get())) {
    int fd = -1;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, fd).ptr != end) {
      continue;
    }
    if (IsStream(fd) && EndOf(fd, getsockname) == local && EndOf(fd, getpeername) == remote) {
      const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
      return Napi::Number::New(info.Env(), copy >= 0 ? copy : -errno);
    }
  }
  return Napi::Number::New(info.Env(), -ENOENT);
}

}  // namespace
}  // namespace stillframe

void InitConnection(Napi::Env, Napi::Object exports) {
  stillframe::Export<stillframe::DuplicateConnection>(exports, "duplicateConnection");
}
