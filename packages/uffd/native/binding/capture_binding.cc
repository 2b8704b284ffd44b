// The capture engine for JavaScript: one object for one capture, numbers and views in, numbers and views out.
//
// Lifetime: the engine is shared by this object and by the ArrayBuffers over its slabs; it is destroyed by
// free(), which must come after those were detached (TypeScript sees to that), or when all of them are
// garbage. A cleanup hook of the environment closes it, so that the end of a worker or of the process never
// leaves the guest armed (I-4).
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "binding/addon.h"
#include "binding/page_runs.h"
#include "binding/ready_function.h"
#include "binding/values.h"
#include "core/capture_engine.h"
#include "kernel/unique_fd.h"
#include "track/sync_tracking.h"

namespace stillframe {
namespace {

constexpr size_t kRegionWords = 4;  // address, bytes, bytes in a page, flags
constexpr uint64_t kFlagReadByKernel = 1;
constexpr uint64_t kFlagHolesAreZero = 2;
constexpr uint64_t kFlagOnlyAtCut = 4;
// The descriptor of its file is in the upper half of the flags.
constexpr uint64_t kFlagFile = 8;
constexpr unsigned kFileShift = 32;
// Most slabs of one pull(): more than a vectored write takes.
constexpr size_t kPullMax = 64;

/// `files` keeps duplicates of the descriptors of files.
std::vector<GuestRegion> ToRegions(std::span<const uint64_t> words, int memory_fd,
                                   std::vector<UniqueFd>& files) {
  std::vector<GuestRegion> regions;
  for (size_t i = 0; i + kRegionWords <= words.size(); i += kRegionWords) {
    const uint64_t flags = words[i + 3];
    if ((flags & kFlagFile) != 0) {
      files.emplace_back(fcntl(static_cast<int>(flags >> kFileShift), F_DUPFD_CLOEXEC, 0));
    }
    regions.push_back({.address = words[i],
                       .size_bytes = words[i + 1],
                       .page_bytes = words[i + 2],
                       .memory_fd = (flags & kFlagReadByKernel) != 0 ? memory_fd : -1,
                       .only_at_cut = (flags & kFlagOnlyAtCut) != 0,
                       .holes_are_zero = (flags & kFlagHolesAreZero) != 0,
                       .file_fd = (flags & kFlagFile) != 0 ? files.back().get() : -1});
  }
  return regions;
}

class CaptureEngineObject : public Napi::ObjectWrap<CaptureEngineObject> {
 public:
  /// (fd, regions: BigUint64Array, maxBytes: bigint, overflow: number, spillDirectory: string, onReady: () =>
  /// void, keptAlive: object[], memoryFd: number, registers: boolean, discarded: number, notesChanges:
  /// boolean, earlier: object | null). The userfaultfd is the engine's, unless this throws. `memoryFd`, of
  /// /proc/PID/mem, stays the caller's; -1: this process. `earlier`: an engine that watches, of the same
  /// regions, whose userfaultfd is used instead; it is closed in any case.
  explicit CaptureEngineObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<CaptureEngineObject>(info), env_(info.Env()) {
    Earlier earlier = TakeEarlier(info[11]);
    const int uffd = earlier.uffd ? earlier.uffd.get() : ToInt(info[0]);
    const StoreOptions options{.max_bytes = ToU64(info[2]),
                               .overflow = static_cast<Overflow>(ToInt(info[3])),
                               .spill_directory = info[4].As<Napi::String>().Utf8Value()};
    const int memory_fd = ToInt(info[7]);
    memory_fd_ = UniqueFd(memory_fd < 0 ? open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
                                        : fcntl(memory_fd, F_DUPFD_CLOEXEC, 0));
    const bool registers = info[8].As<Napi::Boolean>().Value();
    const auto discarded = static_cast<Discarded>(ToInt(info[9]));
    ready_ = ReadyFunction::New(env_, info[5].As<Napi::Function>(), "stillframe capture", 0, 1);
    ready_.Unref(env_);
    try {
      engine_ = std::make_shared<CaptureEngine>(
          uffd, ToRegions(ToWords(info[1]), memory_fd_.get(), files_), options, discarded, registers,
          [this] { Tell(); },
          ChangeOptions{.are_noted = info[10].As<Napi::Boolean>().Value(),
                        .since_earlier_cut = std::move(earlier.changed)});
      static_cast<void>(earlier.uffd.Release());
    } catch (const std::system_error& error) {
      ready_.Release();
      Napi::Error thrown = Napi::Error::New(env_, error.what());
      thrown.Set("errno", Napi::Number::New(env_, error.code().value()));
      throw thrown;
    } catch (const std::exception& error) {
      ready_.Release();
      throw Napi::RangeError::New(env_, error.what());
    }
    memory_ = Napi::Persistent(info[6].As<Napi::Object>());
    // After the thread-safe function's own hook, so that it runs before that one: hooks run last in, first
    // out.
    napi_add_env_cleanup_hook(env_, CloseAtEnd, this);
    hooked_ = true;
  }

  ~CaptureEngineObject() override { Stop(); }

  Napi::Value ArmAhead(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), Engine(info).ArmAhead(ToU64(info[0])));
  }

  /// (regions: BigUint64Array, or null: those of the beginning).
  Napi::Value Arm(const Napi::CallbackInfo& info) {
    std::vector<GuestRegion> regions;
    if (info[0].IsTypedArray()) {
      regions = ToRegions(ToWords(info[0]), memory_fd_.get(), files_);
    }
    try {
      return Napi::Number::New(info.Env(), Engine(info).Arm(std::move(regions)));
    } catch (const std::invalid_argument& error) {
      throw Napi::RangeError::New(info.Env(), error.what());
    }
  }

  /// Slabs, each as [id, cause, spilled, bytes, held since, first page, pages, zero, first page, pages, zero
  /// …].
  Napi::Value Pull(const Napi::CallbackInfo& info) {
    std::array<Slab*, kPullMax> slabs{};
    const auto most = static_cast<size_t>(ToInt(info[0]));
    const size_t count = Engine(info).Pull(slabs.data(), most < kPullMax ? most : kPullMax);
    Napi::Array result = Napi::Array::New(info.Env(), count);
    for (size_t i = 0; i < count; ++i) {
      result.Set(static_cast<uint32_t>(i), Describe(info.Env(), *slabs[i]));
    }
    return result;
  }

  /// The whole memory of a slab. Called once for each slab at a time: two ArrayBuffers over it would alias
  /// each other.
  Napi::Value SlabMemory(const Napi::CallbackInfo& info) {
    CaptureEngine& engine = Engine(info);
    Slab* slab = engine.SlabAt(static_cast<uint32_t>(ToInt(info[0])));
    auto hint = std::make_unique<std::shared_ptr<CaptureEngine>>(engine_);
    auto drop = [](Napi::BasicEnv, void*, std::shared_ptr<CaptureEngine>* shared) { delete shared; };
    Napi::Value buffer =
        Napi::ArrayBuffer::New(info.Env(), slab->data, slab->capacity_bytes, drop, hint.get());
    static_cast<void>(hint.release());
    return buffer;
  }

  void Release(const Napi::CallbackInfo& info) {
    CaptureEngine& engine = Engine(info);
    engine.Release(engine.SlabAt(static_cast<uint32_t>(ToInt(info[0]))));
  }

  void Grant(const Napi::CallbackInfo& info) {
    Engine(info).Grant(ToU64(info[0]), info[1].As<Napi::Number>().Int64Value());
  }

  Napi::Value ReadyOrNotify(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), Engine(info).ReadyOrNotify());
  }

  /// A waiting consumer keeps the event loop alive; an engine that nobody waits for does not.
  void KeepAlive(const Napi::CallbackInfo& info) {
    if (ready_released_) {
      return;
    }
    if (info[0].As<Napi::Boolean>().Value()) {
      ready_.Ref(info.Env());
    } else {
      ready_.Unref(info.Env());
    }
  }

  /// (numbers: Float64Array, waitCounts: Float64Array | null): fills both.
  void Stats(const Napi::CallbackInfo& info) {
    const CaptureShared& shared = Engine(info).Shared();
    const CaptureCounters& counters = shared.counters;
    const auto numbers = ToSpan<double>(info[0], napi_float64_array);
    const std::array<double, 15> values{
        static_cast<double>(shared.memory.Pages() - shared.changes.Skipped()),
        static_cast<double>(counters.captured_pages.load(std::memory_order_relaxed)),
        static_cast<double>(counters.fault_pages.load(std::memory_order_relaxed)),
        static_cast<double>(counters.swept_pages.load(std::memory_order_relaxed)),
        static_cast<double>(counters.faults.load(std::memory_order_relaxed)),
        static_cast<double>(counters.last_fault_read_ns.load(std::memory_order_relaxed)),
        static_cast<double>(counters.fault_wait.Longest()),
        static_cast<double>(shared.store.HeldBytes()),
        static_cast<double>(shared.store.HeldBytesMax()),
        static_cast<double>(shared.store.SpilledBytesMax()),
        static_cast<double>(shared.failure.load(std::memory_order_seq_cst)),
        static_cast<double>(shared.store.SpillError()),
        shared.Complete() ? 1.0 : 0.0,
        static_cast<double>(counters.early_faults.load(std::memory_order_relaxed)),
        static_cast<double>(counters.lost_pages.load(std::memory_order_relaxed))};
    for (size_t i = 0; i < values.size() && i < numbers.size(); ++i) {
      numbers[i] = values[i];
    }
    if (info[1].IsTypedArray()) {
      const auto counts = ToSpan<double>(info[1], napi_float64_array);
      for (size_t i = 0; i < WaitHistogram::kBuckets && i < counts.size(); ++i) {
        counts[i] = static_cast<double>(counters.fault_wait.Count(i));
      }
    }
  }

  /// Closes the engine and leaves everything armed, and goes on noting what changes; false: it cannot, and
  /// has only closed. Then close() ends that, too.
  Napi::Value Watch(const Napi::CallbackInfo& info) {
    if (stopped_ || engine_ == nullptr) {
      return Napi::Boolean::New(info.Env(), false);
    }
    if (std::optional<Watched> watched = engine_->LeaveArmed()) {
      watch_ = std::make_unique<SyncTracking>(std::move(*watched), engine_->Shared().memory);
      ReleaseReady();
    } else {
      Stop();
    }
    return Napi::Boolean::New(info.Env(), watch_ != nullptr);
  }

  /// After arm: what is not captured because it has not changed since the earlier cut; null without one.
  Napi::Value Unchanged(const Napi::CallbackInfo& info) {
    const CaptureShared& shared = Engine(info).Shared();
    if (!shared.changes.HasEarlierCut()) {
      return info.Env().Null();
    }
    return RunsOf(info.Env(), shared.memory, shared.changes.Unchanged());
  }

  void StopSweep(const Napi::CallbackInfo& info) { Engine(info).StopSweep(); }

  void Close(const Napi::CallbackInfo&) { Stop(); }

  /// After close(), and after every ArrayBuffer over a slab was detached: gives the store's memory back at
  /// once.
  void Free(const Napi::CallbackInfo&) {
    if (watch_ == nullptr) {
      Stop();
    }
    engine_.reset();
  }

 private:
  CaptureEngine& Engine(const Napi::CallbackInfo& info) {
    if (engine_ == nullptr) {
      throw Napi::TypeError::New(info.Env(), "the capture is closed");
    }
    return *engine_;
  }

  static Napi::Value Describe(Napi::Env env, const Slab& slab) {
    constexpr size_t kHead = 5;
    constexpr size_t kRunWords = 3;
    Napi::Float64Array numbers = Napi::Float64Array::New(env, kHead + kRunWords * slab.run_count);
    double* out = numbers.Data();
    out[0] = slab.id;
    out[1] = static_cast<double>(slab.cause);
    out[2] = slab.spilled ? 1 : 0;
    out[3] = static_cast<double>(slab.used_bytes);
    out[4] = static_cast<double>(slab.held_since_ns);
    for (size_t i = 0; i < slab.run_count; ++i) {
      const SlabRun& run = slab.runs[i];
      double* words = out + kHead + kRunWords * i;
      words[0] = static_cast<double>(run.first_page);
      words[1] = static_cast<double>(run.pages);
      words[2] = static_cast<double>(run.zero);
    }
    return numbers;
  }

  /// On the engine's sweeper. Once the runtime says that it is closing, the function must not be called
  /// again.
  void Tell() {
    if (!runtime_closing_.load(std::memory_order_relaxed) && ready_.NonBlockingCall() == napi_closing) {
      runtime_closing_.store(true, std::memory_order_relaxed);
    }
  }

  /// What is left of an engine that watches, taken out of it.
  struct Earlier {
    UniqueFd uffd;
    std::optional<DirtyBitmap> changed;
  };

  static Earlier TakeEarlier(const Napi::Value& value) {
    if (!value.IsObject()) {
      return {};
    }
    CaptureEngineObject* object = Unwrap(value.As<Napi::Object>());
    if (object->watch_ == nullptr) {
      throw Napi::TypeError::New(value.Env(), "the earlier capture does not watch");
    }
    Watched watched = object->watch_->HandOver();
    // Ends the watch as well, and takes the hook away: its address may be another engine's before long.
    object->Stop();
    return {.uffd = std::move(watched.uffd), .changed = std::move(watched.changed)};
  }

  void Stop() {
    if (stopped_ || (engine_ == nullptr && watch_ == nullptr)) {
      return;
    }
    stopped_ = true;
    if (engine_ != nullptr) {
      engine_->Close();
    }
    watch_.reset();
    memory_.Reset();
    ReleaseReady();
    if (hooked_) {
      napi_remove_env_cleanup_hook(env_, CloseAtEnd, this);
    }
  }

  void ReleaseReady() {
    if (!ready_released_) {
      ready_released_ = true;
      ready_.Release();
    }
  }

  static void CloseAtEnd(void* self) {
    auto* object = static_cast<CaptureEngineObject*>(self);
    object->hooked_ = false;  // a running hook is removed by the runtime
    object->Stop();
  }

  Napi::Env env_;
  UniqueFd memory_fd_;  // outlives the engine's threads, as do
  std::vector<UniqueFd> files_;
  std::shared_ptr<CaptureEngine> engine_;
  Napi::ObjectReference memory_;  // what is armed must not be collected before it is disarmed
  ReadyFunction ready_;
  std::atomic<bool> runtime_closing_{false};
  std::unique_ptr<SyncTracking> watch_;  // once the engine is done
  bool ready_released_ = false;
  bool stopped_ = false;
  bool hooked_ = false;
};

}  // namespace
}  // namespace stillframe

void InitCapture(Napi::Env env, Napi::Object exports) {
  using Object = stillframe::CaptureEngineObject;
  exports.Set(
      "CaptureEngine",
      Object::DefineClass(
          env, "CaptureEngine",
          {Object::InstanceMethod<&Object::ArmAhead>("armAhead"), Object::InstanceMethod<&Object::Arm>("arm"),
           Object::InstanceMethod<&Object::Pull>("pull"),
           Object::InstanceMethod<&Object::SlabMemory>("slabMemory"),
           Object::InstanceMethod<&Object::Release>("release"),
           Object::InstanceMethod<&Object::Grant>("grant"),
           Object::InstanceMethod<&Object::ReadyOrNotify>("readyOrNotify"),
           Object::InstanceMethod<&Object::KeepAlive>("keepAlive"),
           Object::InstanceMethod<&Object::Stats>("stats"), Object::InstanceMethod<&Object::Watch>("watch"),
           Object::InstanceMethod<&Object::Unchanged>("unchanged"),
           Object::InstanceMethod<&Object::StopSweep>("stopSweep"),
           Object::InstanceMethod<&Object::Close>("close"), Object::InstanceMethod<&Object::Free>("free")}));
}
