#include "client/cli/json.h"

#include <cmath>
#include <cstdint>
#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

namespace assay {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

constexpr int64_t kExact = int64_t{1} << 53;

Json FromValue(const google::protobuf::Value& value);

Json FromList(const google::protobuf::ListValue& list) {
  Json json = Json::array();
  for (const auto& value : list.values()) json.push_back(FromValue(value));
  return json;
}

Json FromStruct(const google::protobuf::Struct& fields) {
  nlohmann::json sorted = nlohmann::json::object();
  for (const auto& [key, value] : fields.fields())
    sorted[key] = FromValue(value);
  return sorted;
}

Json FromValue(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kNumberValue: {
      const double number = value.number_value();
      const bool whole = std::abs(number) < static_cast<double>(kExact) &&
                         number == std::floor(number);
      if (whole) return static_cast<int64_t>(number);
      return ToJson(number);
    }
    case google::protobuf::Value::kStringValue:
      return value.string_value();
    case google::protobuf::Value::kBoolValue:
      return value.bool_value();
    case google::protobuf::Value::kStructValue:
      return FromStruct(value.struct_value());
    case google::protobuf::Value::kListValue:
      return FromList(value.list_value());
    default:
      return nullptr;
  }
}

template <typename Integer>
Json FromInteger(Integer number) {
  if (number <= static_cast<Integer>(kExact) &&
      (number >= 0 || static_cast<int64_t>(number) >= -kExact)) {
    return number;
  }
  return std::to_string(number);
}

// One value of the field: `index` in a repeated one, -1 in another.
Json FromField(const Message& message, const FieldDescriptor* field,
               int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? reflection.GetInt32(message, field)
                 : reflection.GetRepeatedInt32(message, field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? reflection.GetUInt32(message, field)
                 : reflection.GetRepeatedUInt32(message, field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return FromInteger(
          one ? reflection.GetInt64(message, field)
              : reflection.GetRepeatedInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return FromInteger(
          one ? reflection.GetUInt64(message, field)
              : reflection.GetRepeatedUInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return ToJson(one ? reflection.GetDouble(message, field)
                        : reflection.GetRepeatedDouble(message, field, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return ToJson(one ? reflection.GetFloat(message, field)
                        : reflection.GetRepeatedFloat(message, field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? reflection.GetBool(message, field)
                 : reflection.GetRepeatedBool(message, field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return (one ? reflection.GetEnum(message, field)
                  : reflection.GetRepeatedEnum(message, field, index))
          ->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return one ? reflection.GetString(message, field)
                 : reflection.GetRepeatedString(message, field, index);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToJson(one ? reflection.GetMessage(message, field)
                        : reflection.GetRepeatedMessage(message, field, index));
  }
  return nullptr;
}

// By key, so that the same message always gives the same text.
Json FromMap(const Message& message, const FieldDescriptor* field) {
  const FieldDescriptor* value = field->message_type()->map_value();
  nlohmann::json sorted = nlohmann::json::object();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, field, i);
    const std::string key = entry.GetReflection()->GetString(
        entry, field->message_type()->map_key());
    sorted[key] = FromField(entry, value, -1);
  }
  return sorted;
}

bool IsLeftOut(const Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  if (field->is_repeated()) return false;
  if (field->has_presence()) return !reflection.HasField(message, field);
  return field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
         reflection.GetEnumValue(message, field) == 0;
}

Json FromRepeated(const Message& message, const FieldDescriptor* field) {
  Json json = Json::array();
  for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
    json.push_back(FromField(message, field, i));
  }
  return json;
}

}  // namespace

Json ToJson(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

Json ToJson(const Message& message) {
  if (const auto* value =
          dynamic_cast<const google::protobuf::Value*>(&message)) {
    return FromValue(*value);
  }
  if (const auto* list =
          dynamic_cast<const google::protobuf::ListValue*>(&message)) {
    return FromList(*list);
  }
  if (const auto* fields =
          dynamic_cast<const google::protobuf::Struct*>(&message)) {
    return FromStruct(*fields);
  }
  if (const auto* time =
          dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return google::protobuf::util::TimeUtil::ToString(*time);
  }
  Json json = Json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (IsLeftOut(message, field)) continue;
    json[field->name()] = field->is_map() ? FromMap(message, field)
                          : field->is_repeated()
                              ? FromRepeated(message, field)
                              : FromField(message, field, -1);
  }
  return json;
}

}  // namespace assay
