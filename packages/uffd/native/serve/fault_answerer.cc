#include "serve/fault_answerer.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "serve/fault_socket.h"
#include "serve/prompt_thread.h"

namespace stillframe {

namespace {
constexpr size_t kQuestionsAtOnce = 16;
}  // namespace

FaultAnswerer::FaultAnswerer(UniqueFd socket, std::vector<std::byte> greeting,
                             std::vector<AnsweredRegion> regions)
    : socket_(std::move(socket)), greeting_(std::move(greeting)), regions_(std::move(regions)) {
  PrepareFaultSocket(socket_.get());
  thread_ = std::thread([this] { Run(); });
}

FaultAnswerer::~FaultAnswerer() { Close(); }

void FaultAnswerer::Serve() {
  const std::lock_guard lock(lock_);
  serves_ = true;
  changed_.notify_all();
}

void FaultAnswerer::Close() {
  {
    const std::lock_guard lock(lock_);
    if (std::exchange(closed_, true)) {
      return;
    }
    changed_.notify_all();
  }
  // Ends whatever the thread waits for.
  shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
  socket_.Close();
}

void FaultAnswerer::Run() {
  if (SendAll(greeting_.data(), greeting_.size(), nullptr, 0) && MayServe()) {
    BePrompt();
    while (AnswerAll()) {
    }
  }
  lost_.store(true, std::memory_order_relaxed);
  // Whoever asks is not to wait for answers that do not come.
  shutdown(socket_.get(), SHUT_RDWR);
}

bool FaultAnswerer::MayServe() {
  std::unique_lock lock(lock_);
  changed_.wait(lock, [this] { return serves_ || closed_; });
  return !closed_;
}

bool FaultAnswerer::AnswerAll() {
  std::array<FaultHead, kQuestionsAtOnce> questions{};
  auto* into = reinterpret_cast<std::byte*>(questions.data());
  size_t have = 0;
  do {
    const ssize_t count = recv(socket_.get(), into + have, sizeof questions - have, 0);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      return false;
    }
    have += count > 0 ? static_cast<size_t>(count) : 0;
  } while (have == 0 || have % sizeof(FaultHead) != 0);
  for (size_t i = 0; i < have / sizeof(FaultHead); ++i) {
    if (!Answer(questions[i])) {
      return false;
    }
  }
  return true;
}

bool FaultAnswerer::Answer(const FaultHead& question) {
  if (question.head_crc32c != HeadCrc(question) || question.page_bytes != 0 || question.page_crc32c != 0 ||
      question.reserved != 0 || question.region >= regions_.size()) {
    return false;
  }
  const AnsweredRegion& region = regions_[question.region];
  if (question.page >= region.size_bytes / region.page_bytes) {
    return false;
  }
  const void* page = reinterpret_cast<const void*>(region.address + question.page * region.page_bytes);
  FaultHead answer = question;
  answer.page_bytes = static_cast<uint32_t>(region.page_bytes);
  answer.page_crc32c = Crc32c(page, region.page_bytes);
  answer.head_crc32c = HeadCrc(answer);
  // Before: whoever has the answer finds it counted.
  pages_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(sizeof answer + region.page_bytes, std::memory_order_relaxed);
  return SendAll(&answer, sizeof answer, page, region.page_bytes);
}

bool FaultAnswerer::SendAll(const void* head, size_t head_bytes, const void* body, size_t body_bytes) {
  // sendmsg does not write to what it is given; iovec has no const.
  std::array<iovec, 2> parts{iovec{const_cast<void*>(head), head_bytes},
                             iovec{const_cast<void*>(body), body_bytes}};
  size_t left = head_bytes + body_bytes;
  while (left > 0) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t count = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return false;
    }
    auto sent = static_cast<size_t>(count);
    left -= sent;
    for (iovec& part : parts) {
      const size_t taken = std::min(sent, part.iov_len);
      part.iov_base = static_cast<std::byte*>(part.iov_base) + taken;
      part.iov_len -= taken;
      sent -= taken;
    }
  }
  return true;
}

}  // namespace stillframe
