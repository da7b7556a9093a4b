// The members of every record, once: each list serves MemberWriter and MemberReader, so what is written is what is read.
//
// Order: the lists stand in canonical order (RFC 8785: by name), because text is written and read in one pass. `boot`, `time_us`,
//        `type` and `v` belong to the AuditRecord around the body and stand among its members.
// Names: an on-disk format; docs/formats/record.md describes it, and a change of meaning is a new schema version.
#pragma once

#include <concepts>
#include <type_traits>

#include "record/audit_record.h"

namespace beleg::record {

constexpr int64_t kSchemaVersion = 1;

// Struct or const Struct: a reader fills in what a writer only looks at.
template <class T, class Struct>
concept MaybeConst = std::same_as<std::remove_const_t<T>, Struct>;

template <class Io, MaybeConst<Commitment> T>
void Members(Io& io, T& commitment) {
  io.Required("items", commitment.items);
  io.Required("root", commitment.root);
}

template <class Io, MaybeConst<Params> T>
void Members(Io& io, T& params) {
  io.Optional("choices", params.choices, 1);
  io.Optional("frequency_penalty", params.frequency_penalty, 0);
  io.Optional("ignored", params.ignored, {});
  io.Required("max_tokens", params.max_tokens);
  io.Optional("presence_penalty", params.presence_penalty, 0);
  io.Optional("seed", params.seed);
  io.Optional("stop_count", params.stop_count, 0);
  io.Required("stream", params.stream);
  io.Required("temperature", params.temperature);
  io.OptionalSigned("top_k", params.top_k, 0);
  io.Required("top_p", params.top_p);
  io.Optional("unknown_fields", params.unknown_fields, 0);
}

template <class Io, MaybeConst<Counters> T>
void Members(Io& io, T& counters) {
  io.Optional("accepted", counters.accepted, 0);
  io.Optional("answered", counters.answered, 0);
  io.Optional("cancelled", counters.cancelled, 0);
  io.Optional("failed", counters.failed, 0);
  io.Optional("no_room", counters.no_room, 0);
  io.Optional("refused", counters.refused, 0);
  io.Optional("unauthenticated", counters.unauthenticated, 0);
  io.Optional("unknown_path", counters.unknown_path, 0);
  io.Optional("unreadable", counters.unreadable, 0);
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Request> T>
void Members(Io& io, Record& record, T& request) {
  io.Required("boot", record.boot);
  io.Required("boot_index", request.id.boot_index);
  io.Optional("cached_tokens", request.cached_tokens, 0);
  io.Required("caller", request.id.caller);
  io.Required("commitment", request.commitment);
  io.Optional("decode_us", request.decode_us, -1);
  io.Required("duration_us", request.duration_us);
  io.Optional("error_type", request.error, ErrorType::kNone);
  io.Optional("finish_reasons", request.finish_reasons, {});
  io.Required("input_tokens", request.input_tokens);
  io.Required("model", request.model);
  io.Required("model_index", request.model_index);
  io.Required("operation", request.id.operation);
  io.Required("outcome", request.outcome);
  io.Required("output_tokens", request.output_tokens);
  io.Required("params", request.params);
  io.Optional("parent_span_id", request.id.parent_span_id, {});
  io.Optional("prefill_us", request.prefill_us, -1);
  io.Optional("queue_us", request.queue_us, -1);
  io.Required("seq", request.id.seq);
  io.Required("start_us", request.start_us);
  io.Required("status", request.status);
  io.Required("time_us", record.time_us);
  io.Required("trace_id", request.id.trace_id);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Refused> T>
void Members(Io& io, Record& record, T& refused) {
  io.Required("body_bytes", refused.body_bytes);
  io.Required("boot", record.boot);
  io.Required("boot_index", refused.id.boot_index);
  io.Required("caller", refused.id.caller);
  io.Optional("commitment", refused.commitment, {});
  io.Optional("error_type", refused.error, ErrorType::kNone);
  io.Required("operation", refused.id.operation);
  io.Optional("parent_span_id", refused.id.parent_span_id, {});
  io.Required("seq", refused.id.seq);
  io.Required("start_us", refused.start_us);
  io.Required("status", refused.status);
  io.Required("time_us", record.time_us);
  io.Required("trace_id", refused.id.trace_id);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Lost> T>
void Members(Io& io, Record& record, T& lost) {
  io.Required("begun_boot", lost.begun_boot);
  io.Required("boot", record.boot);
  io.Required("boot_index", lost.id.boot_index);
  io.Required("caller", lost.id.caller);
  io.Required("operation", lost.id.operation);
  io.Optional("parent_span_id", lost.id.parent_span_id, {});
  io.Required("seq", lost.id.seq);
  io.Required("start_us", lost.start_us);
  io.Required("time_us", record.time_us);
  io.Required("trace_id", lost.id.trace_id);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Boot> T>
void Members(Io& io, Record& record, T& boot) {
  io.Required("audit_mode", boot.audit);
  io.Required("boot", record.boot);
  io.Required("build", boot.build);
  io.Required("clock_source", boot.clock_source);
  io.Optional("environment", boot.environment, {});
  io.Required("host", boot.host);
  io.Required("lost_requests", boot.lost_requests);
  io.Optional("previous_boot", boot.previous_boot);
  io.Required("previous_clean", boot.previous_clean);
  io.Optional("region", boot.region, {});
  io.Required("service_name", boot.service_name);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
  io.Required("version", boot.version);
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Shutdown> T>
void Members(Io& io, Record& record, T& shutdown) {
  io.Required("boot", record.boot);
  io.Required("counters", shutdown.counters);
  io.Required("highest_seq", shutdown.highest_seq);
  io.Required("reason", shutdown.reason);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Heartbeat> T>
void Members(Io& io, Record& record, T& heartbeat) {
  io.Required("boot", record.boot);
  io.Optional("clock_error_us", heartbeat.clock_error_us, -1);
  io.Required("clock_source", heartbeat.clock_source);
  io.Required("counters", heartbeat.counters);
  io.Required("highest_seq", heartbeat.highest_seq);
  io.Optional("open_digest", heartbeat.open_digest, {});
  io.Required("open_requests", heartbeat.open_requests);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Model> T>
void Members(Io& io, Record& record, T& model) {
  io.Required("boot", record.boot);
  io.Optional("chat_template_sha256", model.chat_template_sha256, {});
  io.Optional("context_tokens", model.context_tokens, 0);
  io.Required("engine", model.engine);
  io.Required("engine_version", model.engine_version);
  io.Optional("file", model.file, {});
  io.Required("name", model.name);
  io.Optional("parameter_count", model.parameters, 0);
  io.Required("time_us", record.time_us);
  io.Optional("tokenizer_sha256", model.tokenizer_sha256, {});
  io.TypeAndVersion();
  io.Optional("weights_bytes", model.weights_bytes, 0);
  io.Optional("weights_sha256", model.weights_sha256, {});
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Config> T>
void Members(Io& io, Record& record, T& config) {
  io.Required("boot", record.boot);
  io.Required("settings", config.settings);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Key> T>
void Members(Io& io, Record& record, T& key) {
  io.Required("boot", record.boot);
  io.Required("reason", key.reason);
  io.Optional("replaces", key.replaces, {});
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
  io.Required("vkey", key.vkey);
}

template <class Io, MaybeConst<AuditRecord> Record, MaybeConst<Unrecorded> T>
void Members(Io& io, Record& record, T& unrecorded) {
  io.Required("boot", record.boot);
  io.Required("error", unrecorded.error);
  io.Required("first_seq", unrecorded.first_seq);
  io.Required("first_us", unrecorded.first_us);
  io.Required("last_seq", unrecorded.last_seq);
  io.Required("requests", unrecorded.requests);
  io.Required("time_us", record.time_us);
  io.TypeAndVersion();
}

}  // namespace beleg::record
