// The members of the audit host's records, in canonical order, as record/schema.h has those of a server's.
#pragma once

#include "record/schema.h"

namespace beleg::record {

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<ReadAccess> T>
void Members(Io& io, Record& record, T& read) {
  io.Required("boot", record.boot);
  io.Required("first_us", read.first_us);
  io.Required("reader", read.reader);
  io.Required("requests", read.requests);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
  io.Required("what", read.what);
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Prune> T>
void Members(Io& io, Record& record, T& prune) {
  io.Optional("before_us", prune.before_us, 0);
  io.Required("boot", record.boot);
  io.Required("bytes", prune.bytes);
  io.Optional("end_index", prune.end_index, 0);
  io.Optional("first_index", prune.first_index, 0);
  io.Required("ground", prune.ground);
  io.Required("items", prune.items);
  io.Optional("origin", prune.origin, {});
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Hold> T>
void Members(Io& io, Record& record, T& hold) {
  io.Required("action", hold.action);
  io.Required("boot", record.boot);
  io.Optional("end_index", hold.end_index, 0);
  io.Optional("first_index", hold.first_index, 0);
  io.Optional("from_us", hold.from_us, 0);
  io.Required("items", hold.items);
  io.Required("name", hold.name);
  io.Optional("origin", hold.origin, {});
  io.Optional("request_id", hold.request_id, {});
  io.Required("time_us", record.time_us);
  io.Optional("to_us", hold.to_us, 0);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Erasure> T>
void Members(Io& io, Record& record, T& erasure) {
  io.Required("boot", record.boot);
  io.Required("destroyed", erasure.destroyed);
  io.Required("ground", erasure.ground);
  io.Required("items", erasure.items);
  io.Optional("kept", erasure.kept, {});
  io.Optional("origin", erasure.origin, {});
  io.Optional("request_id", erasure.request_id, {});
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<Gaps> T>
void Members(Io& io, T& gaps) {
  io.Optional("counters", gaps.counters, 0);
  io.Optional("log_damage", gaps.log_damage, 0);
  io.Optional("metrics", gaps.metrics, 0);
  io.Optional("receipts_without_record", gaps.receipts_without_record, 0);
  io.Optional("records_not_stored", gaps.records_not_stored, 0);
  io.Optional("records_without_span", gaps.records_without_span, 0);
  io.Optional("seq_holes", gaps.seq_holes, 0);
  io.Optional("spans_without_record", gaps.spans_without_record, 0);
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Reconcile> T>
void Members(Io& io, Record& record, T& reconcile) {
  io.Required("boot", record.boot);
  io.Optional("gaps", reconcile.gaps, {});
  io.Required("origin", reconcile.origin);
  io.Optional("receipts", reconcile.receipts, 0);
  io.Required("requests", reconcile.requests);
  io.Optional("resent", reconcile.resent, 0);
  io.Required("root", reconcile.root);
  io.Required("size", reconcile.size);
  io.Optional("spans", reconcile.spans, 0);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Review> T>
void Members(Io& io, Record& record, T& review) {
  io.Required("boot", record.boot);
  io.Optional("from_us", review.from_us, 0);
  io.Optional("note_sha256", review.note_sha256, {});
  io.Required("reviewer", review.reviewer);
  io.Required("subject", review.subject);
  io.Required("time_us", record.time_us);
  io.Optional("to_us", review.to_us, 0);
  io.TypeAndVersion();
  io.Required("verdict", review.verdict);
}

}  // namespace beleg::record
