#include "sim/mutation.h"

namespace beleg::sim {

std::string_view NameOf(Mutation mutation) {
  switch (mutation) {
    case Mutation::kNone: return "none";
    case Mutation::kFoldersNotSynced: return "folders_not_synced";
    case Mutation::kAcknowledgedBeforeSync: return "acknowledged_before_sync";
    case Mutation::kTilesNotSynced: return "tiles_not_synced";
    case Mutation::kCheckpointNotSynced: return "checkpoint_not_synced";
    case Mutation::kCursorNotSynced: return "cursor_not_synced";
    case Mutation::kKeyNotSynced: return "key_not_synced";
    case Mutation::kTailNotRewritten: return "tail_not_rewritten";
    case Mutation::kSegmentsNotRemovedInOrder: return "segments_not_removed_in_order";
    case Mutation::kCompressedNotSynced: return "compressed_not_synced";
    case Mutation::kCursorBeforeAnswer: return "cursor_before_answer";
    case Mutation::kLostTwice: return "lost_twice";
    case Mutation::kLostNever: return "lost_never";
    case Mutation::kGroupsReordered: return "groups_reordered";
    case Mutation::kRefusedIsWritten: return "refused_is_written";
  }
  return "";
}

Mutation MutationOf(std::string_view name) {
  for (Mutation mutation : kMutations)
    if (NameOf(mutation) == name) return mutation;
  return Mutation::kNone;
}

bool LeavesOut(Mutation mutation, const io::DiskCall& call) {
  const auto is_in = [&](std::string_view folder) { return call.path.find(folder) != call.path.npos; };
  const bool is_sync = call.act == io::DiskAct::kSync;
  switch (mutation) {
    case Mutation::kFoldersNotSynced: return call.act == io::DiskAct::kSyncFolder;
    case Mutation::kAcknowledgedBeforeSync: return is_sync && call.path.ends_with(".wal");
    case Mutation::kTilesNotSynced: return is_sync && is_in("/public/tile/");
    case Mutation::kCheckpointNotSynced: return is_sync && is_in("/public/checkpoint");
    case Mutation::kCursorNotSynced: return is_sync && is_in("/cursors/");
    case Mutation::kKeyNotSynced: return is_sync && call.path.ends_with("/key.tmp");
    case Mutation::kTailNotRewritten: return call.act == io::DiskAct::kRename && is_in("/wal/");
    case Mutation::kSegmentsNotRemovedInOrder:
      return call.act == io::DiskAct::kRemove && call.path.ends_with("5.wal");
    case Mutation::kCompressedNotSynced: return is_sync && call.path.ends_with(".zst.tmp");
    case Mutation::kNone:
    case Mutation::kCursorBeforeAnswer:
    case Mutation::kLostTwice:
    case Mutation::kLostNever:
    case Mutation::kGroupsReordered:
    case Mutation::kRefusedIsWritten: return false;
  }
  return false;
}

}  // namespace beleg::sim
