// Mistakes that the simulation must catch: each makes the product do less than it promises, from outside, so that the product
// carries no switch for it. simulation_test.cc shows that each is found.
#pragma once

#include <string_view>

#include "io/simulated_disk.h"

namespace beleg::sim {

enum class Mutation {
  kNone,
  // What the disk is not told.
  kFoldersNotSynced,
  kAcknowledgedBeforeSync,  // of the write-ahead log
  kTilesNotSynced,          // when the checkpoint is published
  kCheckpointNotSynced,
  kCursorNotSynced,
  kKeyNotSynced,
  kTailNotRewritten,  // recovery trusts the page cache
  kSegmentsNotRemovedInOrder,
  kCompressedNotSynced,  // before the plain bundle is removed
  // What the server does otherwise.
  kCursorBeforeAnswer,  // of the exporter
  kLostTwice,
  kLostNever,
  kGroupsReordered,
  kRefusedIsWritten,
};

inline constexpr Mutation kMutations[] = {
    Mutation::kFoldersNotSynced,    Mutation::kAcknowledgedBeforeSync,
    Mutation::kTilesNotSynced,      Mutation::kCheckpointNotSynced,
    Mutation::kCursorNotSynced,     Mutation::kKeyNotSynced,
    Mutation::kTailNotRewritten,    Mutation::kSegmentsNotRemovedInOrder,
    Mutation::kCompressedNotSynced, Mutation::kCursorBeforeAnswer,
    Mutation::kLostTwice,           Mutation::kLostNever,
    Mutation::kGroupsReordered,     Mutation::kRefusedIsWritten};

// "folders_not_synced", …
std::string_view NameOf(Mutation mutation);
// kNone when there is no such.
Mutation MutationOf(std::string_view name);

// Whether the call is left out though the product believes that it worked.
bool LeavesOut(Mutation mutation, const io::DiskCall& call);

}  // namespace beleg::sim
