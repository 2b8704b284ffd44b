// The destination's end of a lane of faults: asks for pages, and reads the answers. It never waits.
//
// Concurrency: of one thread. Nothing is allocated after the constructor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/unique_fd.h"
#include "serve/fault_wire.h"

namespace stillframe {

/// Where the other side has the pages of a region that is served.
struct LanePlace {
  uint32_t region = 0;
  uint64_t first_page = 0;
  /// Of the region that is served.
  uint64_t pages = 0;
  uint64_t page_bytes = 0;
};

class FaultLane {
 public:
  struct Answer {
    uint32_t region = 0;
    uint64_t page = 0;
    uint32_t crc32c = 0;
    /// Until the next Read.
    const std::byte* bytes = nullptr;
  };
  enum class Came { kAnswer, kNothing, kLost };

  /// `places`: by region that is served. The socket is owned from here on.
  FaultLane(UniqueFd socket, std::vector<LanePlace> places);

  int fd() const { return socket_.get(); }
  /// A page of a region that is served. False: the lane is of no use any more.
  bool Ask(uint32_t region, uint64_t page);
  Came Read(Answer* answer);

 private:
  /// What is whole at the start of the buffer. kLost: nothing that was asked for.
  Came Parse(Answer* answer);

  UniqueFd socket_;
  std::vector<LanePlace> places_;
  std::vector<std::byte> buffer_;
  size_t start_ = 0;
  size_t end_ = 0;
};

}  // namespace stillframe
