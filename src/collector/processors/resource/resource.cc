#include "collector/processors/resource/resource.h"

#include "wire/otlp_edit.h"

namespace beleg::collector {
namespace {

using wire::otlp::AttributeEditor;

constexpr Setting kAction[] = {
    {"key", SettingType::kText, "", "the attribute"},
    {"value", SettingType::kAny, "", "text, number or bool; its YAML type is kept"},
    {"from_attribute", SettingType::kText, "", "take the value of this attribute instead"},
    {"action", SettingType::kText, "", "what to do", "insert|update|upsert|delete"},
};
constexpr Setting kTable[] = {
    {"attributes", SettingType::kList, "", "actions, done in their order", "", kAction}};

enum class Verb { kInsert, kUpdate, kUpsert, kDelete };

struct Action {
  Verb verb;
  std::string key;
  std::string value;  // an encoded AnyValue
  std::string from;
};

wire::otlp::Value ValueOf(const wire::Yaml& node) {
  struct Visit {
    wire::otlp::Value operator()(std::monostate) { return {}; }
    wire::otlp::Value operator()(bool flag) { return flag; }
    wire::otlp::Value operator()(int64_t number) { return number; }
    wire::otlp::Value operator()(double number) { return number; }
    wire::otlp::Value operator()(std::string text) { return wire::otlp::Value(std::move(text)); }
  };
  return std::visit(Visit{}, node.Scalar());
}

Action ActionOf(const Settings& settings) {
  const std::string& verb = settings.Text("action");
  Action out;
  out.verb = verb == "insert"   ? Verb::kInsert
             : verb == "update" ? Verb::kUpdate
             : verb == "delete" ? Verb::kDelete
                                : Verb::kUpsert;
  out.key = settings.Text("key");
  out.from = settings.Text("from_attribute");
  out.value = wire::otlp::EncodeAnyValue(ValueOf(settings.Any("value")));
  return out;
}

class Resource final : public Processor {
 public:
  Resource(const Settings& settings, Consumer& next) : next_(next) {
    for (const Settings& each : settings.List("attributes")) actions_.push_back(ActionOf(each));
  }

  Result<void> Consume(Data&& data) override {
    TRY_ASSIGN(std::string edited,
               wire::otlp::EditResources(data.bytes, [this](AttributeEditor& editor) { Edit(editor); }));
    if (!edited.empty()) data.bytes = std::move(edited);
    return next_.Consume(std::move(data));
  }

  bool HasRoom(Signal signal, size_t bytes) const override { return next_.HasRoom(signal, bytes); }

 private:
  void Edit(AttributeEditor& editor) const {
    for (const Action& action : actions_) {
      std::string_view value = action.from.empty() ? action.value : editor.ValueOf(action.from);
      if (!action.from.empty() && !editor.Has(action.from)) continue;
      switch (action.verb) {
        case Verb::kInsert: editor.Insert(action.key, value); break;
        case Verb::kUpdate: editor.Update(action.key, value); break;
        case Verb::kUpsert: editor.Upsert(action.key, value); break;
        case Verb::kDelete: editor.Delete(action.key); break;
      }
    }
  }

  Consumer& next_;
  std::vector<Action> actions_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  if (settings.List("attributes").empty())
    problems.Error(settings.mark("attributes"), "{}: missing required field \"attributes\"",
                   settings.where());
  for (const Settings& action : settings.List("attributes")) {
    if (action.Text("key").empty())
      problems.Error(action.mark(), "{}: missing required field \"key\"", action.where());
    if (!action.Has("action"))
      problems.Error(action.mark(), "{}: missing required field \"action\"", action.where());
    const wire::Yaml& value = action.Any("value");
    if (value.is_map() || value.is_sequence())
      problems.Error(value.mark, "{}::value: expected text, number or bool, got {}", action.where(),
                     value.type_name());
    bool valued = action.Has("value") || action.Has("from_attribute");
    if (action.Has("action") && action.Text("action") != "delete" && !valued)
      problems.Error(
          action.mark("value"),
          "{}: error with key \"{}\": either field \"value\" or \"from_attribute\" must be specified",
          action.where(), action.Text("key"));
  }
}

Result<std::unique_ptr<Processor>> Make(const std::string&, const Settings& settings, Signal, Consumer& next,
                                        const World&) {
  return std::make_unique<Resource>(settings, next);
}

}  // namespace

Component ResourceProcessor() {
  Component out{ComponentKind::kProcessor, "resource", "", "Changes attributes of resources.", kTable};
  out.check = Check;
  out.processor = Make;
  return out;
}

}  // namespace beleg::collector
