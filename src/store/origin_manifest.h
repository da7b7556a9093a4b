// OriginManifest: which logs must be writing, as the audit host's operator says; and what is wrong with the ones that are mirrored.
//
// Shape:   {"origins": [{"vkey": VKEY, "opened": "YYYY-MM-DD", "closed": "YYYY-MM-DD"}]}; days are UTC, closed (may be missing) is
//          the last day on which the log may grow.
// Source:  docs/formats/witness.md, "Which logs must be there".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "record/audit_record.h"
#include "store/mirror.h"
#include "wire/json.h"

namespace beleg::store {

class OriginManifest {
 public:
  struct Origin {
    std::string vkey;
    int64_t opened_unix_us = 0;          // first moment of its day
    int64_t closed_unix_us = INT64_MAX;  // first moment after its last day
    bool operator==(const Origin&) const = default;
  };
  // kInvalidArgument names the member.
  static Result<OriginManifest> Parse(std::string_view json);
  const std::map<std::string, Origin>& origins() const { return origins_; }
  bool operator==(const OriginManifest&) const = default;
  // Becomes what a change of ChangesOf says. kInvalidArgument names the setting.
  Result<void> Apply(const record::Config& change);

 private:
  std::map<std::string, Origin> origins_;  // by the key's name
};

// What changed from one manifest to the next, as the audit host puts it on record: one a log, in the order of their names
// (docs/formats/witness.md has the settings). manifest_change is "opened", "closed", "reopened", "changed" or "removed".
std::vector<record::Config> ChangesOf(const OriginManifest& before, const OriginManifest& after);
bool IsManifestChange(const record::Config& config);
// As Parse reads it.
wire::Json JsonOf(const OriginManifest& manifest);

struct LedgerFinding {
  enum class Kind {
    kRewritten,    // the log contradicts what it signed before
    kSilent,       // no new checkpoint for too long
    kNotMirrored,  // must be writing, and no mirror has it
    kUnknown,      // mirrored and not in the manifest
    kOtherKey,     // mirrored under another key than the manifest's
    kClosed,       // grew after it was closed
    kManifest,     // the manifest's file cannot be taken over: an older one is in force
  };
  Kind kind;
  std::string origin;
  std::string text;
};
std::string_view NameOf(LedgerFinding::Kind kind);

// manifest: null when there is none.
std::vector<LedgerFinding> FindingsOf(const OriginManifest* manifest, const std::vector<MirrorState>& mirrors,
                                      int64_t now_unix_us);

}  // namespace beleg::store
