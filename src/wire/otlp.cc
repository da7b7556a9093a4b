#include "wire/otlp.h"

namespace beleg::wire::otlp {

// Here and not in the header, where KeyValue is not complete yet.
Value::Value(const char* text) : value(std::string(text)) {}
Value::Value(std::string text) : value(std::move(text)) {}
Value::Value(std::string_view text) : value(std::string(text)) {}
Value::Value(bool flag) : value(flag) {}
Value::Value(int64_t number) : value(number) {}
Value::Value(int number) : value(int64_t{number}) {}
Value::Value(double number) : value(number) {}
Value::Value(Bytes bytes) : value(std::move(bytes)) {}
Value::Value(std::vector<Value> items) : value(std::move(items)) {}
Value::Value(std::vector<KeyValue> entries) : value(std::move(entries)) {}

bool Value::operator==(const Value& other) const { return value == other.value; }

}  // namespace beleg::wire::otlp
