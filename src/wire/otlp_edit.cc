#include "wire/otlp_edit.h"

#include <algorithm>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "base/check.h"
#include "wire/otlp_fields.h"
#include "wire/otlp_head.h"

namespace beleg::wire::otlp {
namespace {

using protozero::pbf_wire_type;
namespace shape {
constexpr uint32_t kResourceItems = fields::request::kResourceSpans;
constexpr uint32_t kResource = fields::resource_spans::kResource;
constexpr uint32_t kScopes = fields::resource_spans::kScopeSpans;
constexpr uint32_t kItems = fields::scope_spans::kSpans;
constexpr uint32_t kAttributes = fields::resource_spans::kResourceAttributes;
}  // namespace shape
constexpr size_t kFieldsUsual = 16;  // of a Resource

// Fields of one message, one by one, as slices of the whole.
class Cursor {
 public:
  explicit Cursor(std::string_view message) : reader_(message.data(), message.size()) {}

  // Throws protozero's exceptions, caught in Fenced.
  bool Next() {
    const char* start = reader_.data().data();
    if (!reader_.next()) return false;
    tag_ = reader_.tag();
    is_bytes_ = reader_.wire_type() == pbf_wire_type::length_delimited;
    if (is_bytes_) {
      auto view = reader_.get_view();
      body_ = {view.data(), view.size()};
    } else {
      reader_.skip();
      body_ = {};
    }
    raw_ = {start, static_cast<size_t>(reader_.data().data() - start)};
    return true;
  }
  // True for a nested message or text of that number.
  bool Is(uint32_t tag) const { return tag_ == tag && is_bytes_; }
  std::string_view raw() const { return raw_; }
  std::string_view body() const { return body_; }

 private:
  protozero::pbf_reader reader_;
  uint32_t tag_ = 0;
  bool is_bytes_ = false;
  std::string_view raw_, body_;
};

template <class Work>
auto Fenced(Work work) -> Result<decltype(work())> try {
  return work();
} catch (const protozero::exception& exception) {
  return Fail(ErrorCode::kInvalidArgument, "no OTLP request: {}", exception.what());
}

// Of one piece or two.
void AppendMessage(std::string& out, uint32_t tag, std::string_view first, std::string_view second = {}) {
  AppendHead(out, tag, first.size() + second.size());
  out.append(first).append(second);
}

template <class Visit>
void ForEachItem(std::string_view request, Visit visit) {
  for (Cursor resources(request); resources.Next();) {
    if (!resources.Is(shape::kResourceItems)) continue;
    for (Cursor scopes(resources.body()); scopes.Next();) {
      if (!scopes.Is(shape::kScopes)) continue;
      for (Cursor items(scopes.body()); items.Next();)
        if (items.Is(shape::kItems)) visit(items.body());
    }
  }
}

// Metric: 5 gauge, 7 sum, 9 histogram, 10 exponential histogram, 11 summary; each has its points in field 1.
bool IsMetricKind(const Cursor& field) {
  return field.Is(5) || field.Is(7) || field.Is(9) || field.Is(10) || field.Is(11);
}

// Appends a resource_x with its resource edited; false, and nothing of it, when nothing changed.
bool AppendEdited(std::string& out, std::string_view resource_items,
                  const std::function<void(AttributeEditor&)>& edit) {
  std::string_view resource;
  std::string joined;  // a message that stands in pieces is the pieces joined
  size_t others_bytes = 0;
  for (Cursor cursor(resource_items); cursor.Next();) {
    if (!cursor.Is(shape::kResource)) {
      others_bytes += cursor.raw().size();
    } else if (resource.empty()) {
      resource = cursor.body();
    } else {
      joined = std::string(resource).append(cursor.body());
      resource = joined;
    }
  }
  Result<AttributeEditor> editor = AttributeEditor::Read(resource);
  if (!editor) return false;
  edit(*editor);
  if (!editor->changed()) return false;
  const std::string written = editor->Write();
  AppendHead(out, shape::kResourceItems, FieldBytes(written.size()) + others_bytes);
  AppendMessage(out, shape::kResource, written);
  for (Cursor cursor(resource_items); cursor.Next();)
    if (!cursor.Is(shape::kResource)) out += cursor.raw();
  return true;
}

// Deals the items out to requests, in one pass.
class Splitter {
 public:
  explicit Splitter(size_t items_max) : items_max_(items_max) {}

  std::vector<std::string> Run(std::string_view request) {
    for (Cursor cursor(request); cursor.Next();) {
      if (cursor.Is(shape::kResourceItems))
        Resource(cursor.body());
      else
        part_ += cursor.raw();
    }
    parts_.push_back(std::move(part_));
    return std::move(parts_);
  }

 private:
  void Resource(std::string_view body) {
    resource_ = AllBut(shape::kScopes, body);
    for (Cursor cursor(body); cursor.Next();)
      if (cursor.Is(shape::kScopes)) Scope(cursor.body());
    EndResource();
  }

  void Scope(std::string_view body) {
    scope_ = AllBut(shape::kItems, body);
    for (Cursor cursor(body); cursor.Next();) {
      if (!cursor.Is(shape::kItems)) continue;
      if (count_ == items_max_) EndPart();
      items_ += cursor.raw();
      ++count_;
    }
    EndScope();
  }

  void EndScope() {
    AppendMessage(scopes_, shape::kScopes, scope_, items_);
    items_.clear();
  }
  void EndResource() {
    AppendMessage(part_, shape::kResourceItems, resource_, scopes_);
    scopes_.clear();
  }
  void EndPart() {
    if (!items_.empty()) EndScope();
    if (!scopes_.empty()) EndResource();
    parts_.push_back(std::exchange(part_, {}));
    count_ = 0;
  }

  static std::string AllBut(uint32_t tag, std::string_view body) {
    std::string out;
    for (Cursor cursor(body); cursor.Next();)
      if (!cursor.Is(tag)) out += cursor.raw();
    return out;
  }

  const size_t items_max_;
  size_t count_ = 0;              // of part_, what is not yet in it too
  std::string resource_, scope_;  // all but what they hold: in every part that has of them
  std::string items_, scopes_;    // the scope's, the resource's, that are not yet in part_
  std::string part_;
  std::vector<std::string> parts_;
};

}  // namespace

Result<size_t> CountItems(std::string_view request) {
  return Fenced([&] {
    size_t count = 0;
    ForEachItem(request, [&](std::string_view) { ++count; });
    return count;
  });
}

Result<size_t> CountDataPoints(std::string_view request) {
  return Fenced([&] {
    size_t count = 0;
    ForEachItem(request, [&](std::string_view metric) {
      for (Cursor kinds(metric); kinds.Next();) {
        if (!IsMetricKind(kinds)) continue;
        for (Cursor points(kinds.body()); points.Next();) count += points.Is(1) ? 1 : 0;
      }
    });
    return count;
  });
}

Result<AttributeEditor> AttributeEditor::Read(std::string_view message) {
  return Fenced([&] {
    AttributeEditor out;
    out.fields_.reserve(kFieldsUsual);
    for (Cursor cursor(message); cursor.Next();) {
      Field& field = out.fields_.emplace_back();
      field.raw = cursor.raw();
      field.attribute = cursor.Is(shape::kAttributes);
      if (!field.attribute) continue;
      for (Cursor pair(cursor.body()); pair.Next();) {
        if (pair.Is(fields::key_value::kKey)) field.key = pair.body();
        if (pair.Is(fields::key_value::kValue)) field.value = pair.body();
      }
    }
    return out;
  });
}

const AttributeEditor::Field* AttributeEditor::Find(std::string_view key) const {
  auto found = std::ranges::find_if(fields_, [&](const Field& f) { return f.attribute && f.key == key; });
  return found == fields_.end() ? nullptr : &*found;
}

AttributeEditor::Field* AttributeEditor::Find(std::string_view key) {
  return const_cast<Field*>(std::as_const(*this).Find(key));
}

bool AttributeEditor::Has(std::string_view key) const { return Find(key) != nullptr; }

std::string_view AttributeEditor::ValueOf(std::string_view key) const {
  const Field* field = Find(key);
  return field == nullptr ? std::string_view() : field->value;
}

void AttributeEditor::Set(Field& field, std::string_view key, std::string_view value) {
  if (field.attribute && field.value == value) return;
  field = {{}, true, Keep(key), Keep(value)};
  changed_ = true;
}

void AttributeEditor::Insert(std::string_view key, std::string_view value) {
  if (!Has(key)) Set(fields_.emplace_back(), key, value);
}

void AttributeEditor::Update(std::string_view key, std::string_view value) {
  if (Field* field = Find(key); field != nullptr) Set(*field, key, value);
}

void AttributeEditor::Upsert(std::string_view key, std::string_view value) {
  Field* field = Find(key);
  Set(field != nullptr ? *field : fields_.emplace_back(), key, value);
}

void AttributeEditor::Delete(std::string_view key) {
  size_t gone = std::erase_if(fields_, [&](const Field& f) { return f.attribute && f.key == key; });
  changed_ = changed_ || gone > 0;
}

std::string AttributeEditor::Write() const {
  std::string out;
  for (const Field& field : fields_) {
    if (!field.raw.empty()) {
      out += field.raw;
      continue;
    }
    AppendHead(out, shape::kAttributes, FieldBytes(field.key.size()) + FieldBytes(field.value.size()));
    AppendMessage(out, fields::key_value::kKey, field.key);
    AppendMessage(out, fields::key_value::kValue, field.value);
  }
  return out;
}

std::string EncodeAnyValue(const Value& value) {
  // A request of one resource with one attribute holds the value where AttributeEditor finds it.
  std::string request;
  AppendResourceSpans(request, {{"k", value}}, {});
  std::string out;
  auto edited = EditResources(request, [&](AttributeEditor& editor) { out = editor.ValueOf("k"); });
  return edited ? out : std::string();
}

Result<std::string> EditResources(std::string_view request,
                                  const std::function<void(AttributeEditor&)>& edit) {
  return Fenced([&] {
    std::string out;
    bool any = false;
    out.reserve(request.size() + 512);
    for (Cursor cursor(request); cursor.Next();) {
      const bool changed = cursor.Is(shape::kResourceItems) && AppendEdited(out, cursor.body(), edit);
      if (!changed) out += cursor.raw();
      any = any || changed;
    }
    return any ? out : std::string();
  });
}

Result<PartialSuccess> DecodeExportResponse(std::string_view response) {
  return Fenced([&] {
    PartialSuccess out;
    protozero::pbf_reader reader(response.data(), response.size());
    while (reader.next(fields::response::kPartialSuccess, pbf_wire_type::length_delimited)) {
      protozero::pbf_reader partial = reader.get_message();
      while (partial.next()) {
        if (partial.tag() == fields::response::kRejectedSpans && partial.wire_type() == pbf_wire_type::varint)
          out.rejected = partial.get_int64();
        else if (partial.tag() == fields::response::kErrorMessage &&
                 partial.wire_type() == pbf_wire_type::length_delimited)
          out.message = partial.get_string();
        else
          partial.skip();
      }
    }
    return out;
  });
}

std::string StatusMessage(std::string_view status) {
  Result<std::string> out = Fenced([&] {
    protozero::pbf_reader reader(status.data(), status.size());
    std::string message;
    while (reader.next(2, pbf_wire_type::length_delimited)) message = reader.get_string();
    return message;
  });
  return out.value_or("");
}

std::string EncodeStatus(int code, std::string_view message) {
  std::string out;
  protozero::pbf_writer writer(out);
  writer.add_int32(1, code);
  writer.add_string(2, message.data(), message.size());
  return out;
}

Result<std::vector<std::string>> SplitItems(std::string_view request, size_t items_max) {
  CHECK(items_max > 0, "parts of no items");
  return Fenced([&] { return Splitter(items_max).Run(request); });
}

}  // namespace beleg::wire::otlp
