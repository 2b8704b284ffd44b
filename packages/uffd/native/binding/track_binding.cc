// The dirty tracker for JavaScript: steps in, numbers out.
//
// Lifetime: a cleanup hook of the environment closes it, so that the end of a worker or of the process never
// leaves memory protected (I-4); so does garbage collection.
#include <fcntl.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>

#include "binding/addon.h"
#include "binding/page_runs.h"
#include "binding/values.h"
#include "kernel/unique_fd.h"
#include "track/async_tracking.h"
#include "track/dirty_tracker.h"
#include "track/sync_tracking.h"

namespace stillframe {
namespace {

constexpr size_t kRegionWords = 4;                 // address, bytes, bytes in a page, flags (of captures)
constexpr size_t kRunWords = 3;                    // region, first page, pages
constexpr uint64_t kPagesMax = uint64_t{1} << 32;  // of one region: 16 TiB

std::vector<GuestRegion> ToRegions(std::span<const uint64_t> words) {
  std::vector<GuestRegion> regions;
  for (size_t i = 0; i + kRegionWords <= words.size(); i += kRegionWords) {
    regions.push_back({.address = words[i],
                       .size_bytes = words[i + 1],
                       .page_bytes = words[i + 2],
                       .memory_fd = -1,
                       .only_at_cut = false,
                       .holes_are_zero = false});
    if (words[i + 2] != 0 && words[i + 1] / words[i + 2] >= kPagesMax) {
      throw std::invalid_argument("a region has too many pages");
    }
  }
  return regions;
}

class DirtyTrackerObject : public Napi::ObjectWrap<DirtyTrackerObject> {
 public:
  /// (isAsync: boolean, fd: number, regions: BigUint64Array, pagemapFd: number, holesAreWritten: boolean,
  /// populates: boolean, keptAlive: object[]). The userfaultfd is the tracker's, unless this throws.
  explicit DirtyTrackerObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<DirtyTrackerObject>(info), env_(info.Env()) {
    UniqueFd uffd(ToInt(info[1]));
    try {
      tracker_ = Make(info, uffd);
    } catch (const std::invalid_argument& error) {
      static_cast<void>(uffd.Release());
      throw Napi::RangeError::New(env_, error.what());
    } catch (...) {
      static_cast<void>(uffd.Release());
      throw;
    }
    memory_ = Napi::Persistent(info[6].As<Napi::Object>());
    napi_add_env_cleanup_hook(env_, CloseAtEnd, this);
    hooked_ = true;
  }

  ~DirtyTrackerObject() override { Stop(); }

  void Begin(const Napi::CallbackInfo& info) { Tracker(info).Begin(static_cast<TrackStep>(ToInt(info[0]))); }

  Napi::Value Step(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), Tracker(info).Step(ToU64(info[0])));
  }

  Napi::Value Take(const Napi::CallbackInfo& info) {
    DirtyTracker& tracker = Tracker(info);
    Napi::Uint32Array words = ToRuns(info.Env(), [&](auto visit) { tracker.ForRuns(visit); });
    tracker.Forget();
    return words;
  }

  Napi::Value Use(const Napi::CallbackInfo& info) {
    try {
      return Napi::Number::New(info.Env(), -Tracker(info).Use(ToRegions(ToWords(info[0]))));
    } catch (const std::invalid_argument& error) {
      throw Napi::RangeError::New(info.Env(), error.what());
    }
  }

  /// (delayNs: number, maxShare: number) → whether writers can be kept waiting
  Napi::Value Brake(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), Tracker(info).SetBrake(info[0].As<Napi::Number>().Int64Value(),
                                                                 info[1].As<Napi::Number>().DoubleValue()));
  }

  /// [faults, nanoseconds in which somebody was held]
  Napi::Value Counts(const Napi::CallbackInfo& info) {
    const TrackingCounts counts = Tracker(info).Counts();
    Napi::Float64Array numbers = Napi::Float64Array::New(info.Env(), 2);
    numbers[0] = static_cast<double>(counts.faults);
    numbers[1] = static_cast<double>(counts.held_ns);
    return numbers;
  }

  void Close(const Napi::CallbackInfo&) { Stop(); }

 private:
  static std::unique_ptr<DirtyTracker> Make(const Napi::CallbackInfo& info, UniqueFd& uffd) {
    std::vector<GuestRegion> regions = ToRegions(ToWords(info[2]));
    const GuestMemory memory(regions);  // refuses before anything is taken over
    UniqueFd pagemap(fcntl(ToInt(info[3]), F_DUPFD_CLOEXEC, 0));
    std::unique_ptr<Tracking> tracking;
    if (info[0].As<Napi::Boolean>().Value()) {
      tracking = std::make_unique<AsyncTracking>(std::move(uffd), std::move(pagemap),
                                                 info[4].As<Napi::Boolean>().Value());
    } else {
      tracking = std::make_unique<SyncTracking>(std::move(uffd), std::move(pagemap), memory,
                                                info[5].As<Napi::Boolean>().Value());
    }
    return std::make_unique<DirtyTracker>(std::move(regions), std::move(tracking));
  }

  DirtyTracker& Tracker(const Napi::CallbackInfo& info) {
    if (stopped_) {
      throw Napi::TypeError::New(info.Env(), "the tracker is closed");
    }
    return *tracker_;
  }

  void Stop() {
    if (stopped_ || tracker_ == nullptr) {
      return;
    }
    stopped_ = true;
    tracker_->Close();
    memory_.Reset();
    if (hooked_) {
      napi_remove_env_cleanup_hook(env_, CloseAtEnd, this);
    }
  }

  static void CloseAtEnd(void* self) {
    auto* object = static_cast<DirtyTrackerObject*>(self);
    object->hooked_ = false;  // a running hook is removed by the runtime
    object->Stop();
  }

  Napi::Env env_;
  std::unique_ptr<DirtyTracker> tracker_;
  Napi::ObjectReference memory_;  // what is protected must not be collected before that is lifted
  bool stopped_ = false;
  bool hooked_ = false;
};

}  // namespace
}  // namespace stillframe

void InitTrack(Napi::Env env, Napi::Object exports) {
  using Object = stillframe::DirtyTrackerObject;
  exports.Set(
      "DirtyTracker",
      Object::DefineClass(
          env, "DirtyTracker",
          {Object::InstanceMethod<&Object::Begin>("begin"), Object::InstanceMethod<&Object::Step>("step"),
           Object::InstanceMethod<&Object::Take>("take"), Object::InstanceMethod<&Object::Use>("use"),
           Object::InstanceMethod<&Object::Brake>("brake"), Object::InstanceMethod<&Object::Counts>("counts"),
           Object::InstanceMethod<&Object::Close>("close")}));
}
