#include "serve/fault_lane.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "serve/fault_socket.h"

namespace stillframe {

namespace {
/// Answers that are read in one go: more threads than that seldom wait.
constexpr size_t kAnswersAtOnce = 8;
}  // namespace

FaultLane::FaultLane(UniqueFd socket, std::vector<LanePlace> places)
    : socket_(std::move(socket)), places_(std::move(places)) {
  PrepareFaultSocket(socket_.get());
  uint64_t largest = 0;
  for (const LanePlace& place : places_) {
    largest = std::max(largest, place.page_bytes);
  }
  constexpr uint64_t kSmall = 4096;
  const uint64_t answer_bytes = sizeof(FaultHead) + largest;
  buffer_.resize(largest > kSmall ? answer_bytes : answer_bytes * kAnswersAtOnce);
}

bool FaultLane::Ask(uint32_t region, uint64_t page) {
  const LanePlace& place = places_[region];
  FaultHead head{.region = place.region, .tag = region, .page = place.first_page + page};
  head.head_crc32c = HeadCrc(head);
  ssize_t sent = 0;
  do {
    sent = send(socket_.get(), &head, sizeof head, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  // A lane whose buffers are full of questions is no quicker than any other way.
  return sent == static_cast<ssize_t>(sizeof head);
}

FaultLane::Came FaultLane::Read(Answer* answer) {
  for (;;) {
    if (const Came came = Parse(answer); came != Came::kNothing) {
      return came;
    }
    if (start_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
      end_ -= std::exchange(start_, 0);
    }
    const ssize_t count = recv(socket_.get(), buffer_.data() + end_, buffer_.size() - end_, MSG_DONTWAIT);
    if (count > 0) {
      end_ += static_cast<size_t>(count);
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return Came::kNothing;
    } else if (count == 0 || errno != EINTR) {
      return Came::kLost;
    }
  }
}

FaultLane::Came FaultLane::Parse(Answer* answer) {
  if (end_ - start_ < sizeof(FaultHead)) {
    return Came::kNothing;
  }
  FaultHead head;
  std::memcpy(&head, buffer_.data() + start_, sizeof head);
  if (head.head_crc32c != HeadCrc(head) || head.reserved != 0 || head.tag >= places_.size()) {
    return Came::kLost;
  }
  const LanePlace& place = places_[head.tag];
  const uint64_t page = head.page - place.first_page;
  if (head.region != place.region || page >= place.pages || head.page_bytes != place.page_bytes) {
    return Came::kLost;
  }
  if (end_ - start_ < sizeof head + head.page_bytes) {
    return Came::kNothing;
  }
  const std::byte* bytes = buffer_.data() + start_ + sizeof head;
  if (Crc32c(bytes, head.page_bytes) != head.page_crc32c) {
    return Came::kLost;
  }
  start_ += sizeof head + head.page_bytes;
  *answer = {head.tag, page, head.page_crc32c, bytes};
  return Came::kAnswer;
}

}  // namespace stillframe
