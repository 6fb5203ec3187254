// SPDX-License-Identifier: MIT
// The command scanner: walks a *copy* of a command stream, refuses what a guest may not do, and
// patches the copy so that what it may do is translated. Pure; never reads guest memory itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hv/result.h"
#include "hv/types.h"
#include "shadow/gen9/commands.h"

namespace mediator {

/// Longest stream scanned at once, in dwords (64 MiB): a ring is at most 2 MiB, and owners that
/// copy batches have closer limits of their own. Beyond it: too_long.
inline constexpr size_t kMaxScanDwords = size_t{16} << 20;

/// Why a command was refused. Names are shown to users; counted per vGPU.
enum class Reject : uint8_t {
  none,
  unknown_command,
  bad_length,
  truncated,
  no_batch_end,
  too_long,
  too_deep,
  forbidden_command,
  forbidden_register,
  ggtt_address,
  batch_address,
  privileged_from_user,
  batch_level,
  register_offset,
  too_many_batches,
  no_memory,
};
const char* reject_name(Reject r);

/// Whose rules apply.
enum class Rules : uint8_t {
  privileged,    ///< ring, GGTT batch, indirect context: the facts' register list, GGTT audit
  user,          ///< PPGTT batch of RCS, VCS, VECS
  user_blitter,  ///< PPGTT batch of BCS (CVE-2019-0155)
};

struct Refusal {
  Reject reason = Reject::none;
  uint64_t offset = 0;            ///< bytes from the start of the scanned stream
  const char* command = nullptr;  ///< PRM name, or nullptr if unknown
  uint32_t detail = 0;            ///< register offset, or the command's first dword
};

/// The dwords of a stream, read and copied as the scan goes. A ring is all there from the start.
class ScanSource {
 public:
  virtual ~ScanSource() = default;
  /// The copy so far, at least `dwords` long if the stream goes on that far; shorter if it cannot.
  virtual std::span<uint32_t> ensure(size_t dwords) = 0;
};

/// What the owner of a scan answers.
class ScanHost {
 public:
  virtual ~ScanHost() = default;
  /// Host GGTT address for a guest GGTT operand, or an error (refused as ggtt_address).
  virtual hv::Result<hv::GmAddr> relocate(hv::GmAddr guest, unsigned bytes, bool write) = 0;
  /// A batch start at `level` (1: from the ring, 2: from a first-level batch with the second-level
  /// bit; chained starts keep the level). Returns the address to put into the command: the audited
  /// copy's host GGTT address, or the same PPGTT address.
  virtual hv::Result<uint64_t, Reject> batch_start(uint64_t address, bool ggtt, unsigned level) = 0;
  /// An allowed LRI; the owner may change the value (write-patched registers).
  virtual void load_register(uint32_t reg, uint32_t& value) = 0;
  /// MI_DISPLAY_FLIP, MI_WAIT_FOR_EVENT: emulated; already turned into MI_NOOPs in the copy.
  virtual void display_command(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords) = 0;
  /// Dword `index` of the copy was changed from `original`.
  virtual void patched(size_t index, uint32_t original) = 0;
};

struct ScanRequest {
  gen9::EngineId engine{};
  Rules rules = Rules::privileged;
  unsigned level = 0;  ///< 0: ring or indirect context, 1 and 2: batch
  /// Level 0: exact length to scan (ends there; a batch end is refused). 0: a per-context batch,
  /// which stands where the ring does and ends at its MI_BATCH_BUFFER_END.
  size_t ring_dwords = 0;
  bool enable_arbitration = false;  ///< turn MI_ARB_ON_OFF(off) into (on)
};

struct ScanOutcome {
  Refusal refusal;  ///< reason none if accepted
  /// Scanned, including the MI_BATCH_BUFFER_END, or the chained start that took its place. (Behind
  /// a chained start of a privileged stream one dword more, turned into MI_BATCH_BUFFER_END.)
  size_t dwords = 0;
  uint64_t commands = 0;
  bool has_user_interrupt = false;
  bool arbitration_off = false;  ///< the last MI_ARB_ON_OFF in it turns it off
};

ScanOutcome scan(ScanSource& source, const ScanRequest& request, ScanHost& host);

/// May a stream under these rules write (LRI, LRR, LRM target) or read (SRM, LRR source) a
/// register?
bool may_write_register(gen9::EngineId engine, Rules rules, uint32_t offset);
bool may_read_register(gen9::EngineId engine, Rules rules, uint32_t offset);

}  // namespace mediator
