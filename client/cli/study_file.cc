#include "client/cli/study_file.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <regex>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/yaml_scalar.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::json;

constexpr size_t kMaxBytes = 1 << 20;
constexpr int kMaxNodes = 100'000;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxPath = 1'024;  // Bytes of a dotted key.

// --- JSON to YAML -----------------------------------------------------------

bool IsJson(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

// The code point of the two escapes "\ud83d\ude00" at `at`; 0 if they are none.
uint32_t SurrogatePair(const std::string& text, size_t at) {
  static const std::regex pair(
      R"(\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2}))");
  std::smatch match;
  const auto begin = text.begin() + static_cast<std::ptrdiff_t>(at);
  if (!std::regex_search(begin, text.end(), match, pair,
                         std::regex_constants::match_continuous)) {
    return 0;
  }
  const auto high = static_cast<uint32_t>(std::stoul(match[1], nullptr, 16));
  const auto low = static_cast<uint32_t>(std::stoul(match[2], nullptr, 16));
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

// JSON is YAML but for this: characters beyond 16 bits are two escapes in JSON
// ("\ud83d\ude00", as Python writes them) and one in YAML ("\U0001f600").
std::string JoinSurrogatePairs(const std::string& json) {
  constexpr size_t kPairBytes = 12;
  std::string yaml;
  for (size_t i = 0; i < json.size();) {
    if (json[i] != '\\') {
      yaml += json[i++];
    } else if (const uint32_t point = SurrogatePair(json, i); point != 0) {
      absl::StrAppend(&yaml, "\\U", absl::Hex(point, absl::kZeroPad8));
      i += kPairBytes;
    } else {
      yaml += json.substr(i, 2);  // What an escaped '\' precedes is no escape.
      i += 2;
    }
  }
  return yaml;
}

// --- YAML to JSON -----------------------------------------------------------

// Where each value stands: its line by its path ("budget.max_trials").
using Lines = std::map<std::string, int>;

class YamlReader {
 public:
  YamlReader(std::string name, Lines& lines)
      : name_(std::move(name)), lines_(lines) {}

  // `path` is the dotted key, for errors.
  absl::StatusOr<Json> Read(const YAML::Node& node, const std::string& path,
                            int depth) {
    if (++nodes_ > kMaxNodes || depth > kMaxDepth) {
      return Error(node, absl::StrCat("more than ", kMaxNodes, " values or ",
                                      kMaxDepth, " levels"));
    }
    if (path.size() > kMaxPath) {
      return Error(node, absl::StrCat("the keys to this value have more than ",
                                      kMaxPath, " bytes"));
    }
    lines_.emplace(path, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return ReadMap(node, path, depth);
      case YAML::NodeType::Sequence:
        return ReadSequence(node, path, depth);
      case YAML::NodeType::Scalar:
        return ReadScalar(node, path);
      default:
        return Json(nullptr);
    }
  }

  absl::Status Error(const YAML::Node& node, const std::string& what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ":", node.Mark().line + 1, ": ", what));
  }

 private:
  absl::StatusOr<Json> ReadScalar(const YAML::Node& node,
                                  const std::string& path) const {
    // The tag "!" marks what was quoted.
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") {
      return Json(node.Scalar());
    }
    Json value = ParseYamlScalar(node.Scalar());
    if (value.is_number_float() && !std::isfinite(value.get<double>())) {
      return Error(node, absl::StrCat(path, ": ", node.Scalar(),
                                      "; a finite number is wanted"));
    }
    return value;
  }

  absl::StatusOr<Json> ReadMap(const YAML::Node& node, const std::string& path,
                               int depth) {
    Json object = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        return Error(entry.first, "a key has to be a text");
      }
      const std::string& key = entry.first.Scalar();
      const std::string inner =
          path.empty() ? key : absl::StrCat(path, ".", key);
      if (object.contains(key)) {
        return Error(entry.first,
                     absl::StrCat("key \"", inner, "\" is given twice"));
      }
      lines_.emplace(inner, entry.first.Mark().line + 1);
      ASSAY_ASSIGN_OR_RETURN(object[key], Read(entry.second, inner, depth + 1));
    }
    return object;
  }

  absl::StatusOr<Json> ReadSequence(const YAML::Node& node,
                                    const std::string& path, int depth) {
    Json list = Json::array();
    for (const YAML::Node& item : node) {
      ASSAY_ASSIGN_OR_RETURN(
          Json value,
          Read(item, absl::StrCat(path, "[", list.size(), "]"), depth + 1));
      list.push_back(std::move(value));
    }
    return list;
  }

  const std::string name_;
  Lines& lines_;
  int nodes_ = 0;
};

absl::StatusOr<Json> ParseYaml(const std::string& text, const std::string& name,
                               Lines& lines) {
  YamlReader reader(name, lines);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() != 1 || !documents[0].IsMap()) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": one mapping with name, metrics, parameters, ... is wanted"));
    }
    return reader.Read(documents[0], "", 0);
  } catch (const YAML::DeepRecursion& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ":", error.mark.line + 1, ": more than ", kMaxDepth, " levels"));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", error.mark.line + 1, ": ", error.msg));
  }
}

// --- JSON beside the schema -------------------------------------------------

int EditDistance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// "; did you mean \"x\"?" with the nearest of `names` if one is near; else ".".
std::string Suggestion(const std::string& name,
                       const std::vector<std::string>& names) {
  const std::string* nearest = nullptr;
  int distance = 3;  // Nothing so far away is meant.
  for (const std::string& known : names) {
    const int d = EditDistance(name, known);
    if (d >= distance || d >= static_cast<int>(name.size())) continue;
    distance = d;
    nearest = &known;
  }
  if (nearest == nullptr) return ".";
  return absl::StrCat("; did you mean \"", *nearest, "\"?");
}

std::vector<std::string> FieldNames(const Descriptor& descriptor) {
  std::vector<std::string> names;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    names.push_back(descriptor.field(i)->name());
  }
  return names;
}

// Messages in which one names a choice, not a setting.
bool IsChoice(const std::string& path) {
  return path == "algorithm" || path == "stopping" ||
         (absl::StartsWith(path, "stopping.any_of[") &&
          absl::EndsWith(path, "]"));
}

bool IsWhole(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();  // 1e3 is a whole number too.
  return number == std::floor(number);
}

// Whether T has this whole number.
template <typename T>
bool Holds(const Json& whole) {
  using Limits = std::numeric_limits<T>;
  if (whole.is_number_float()) {
    const double number = whole.get<double>();
    return number >= static_cast<double>(Limits::min()) &&
           number < std::ldexp(1.0, Limits::digits);
  }
  return whole.is_number_unsigned() ? std::in_range<T>(whole.get<uint64_t>())
                                    : std::in_range<T>(whole.get<int64_t>());
}

std::string Brief(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = absl::StrCat(text.substr(0, 57), "...");
  return text;
}

// Checks a JSON value against what a message takes, so that errors speak of
// keys and not of protobuf.
class SchemaCheck {
 public:
  // `lines` must outlive this.
  SchemaCheck(std::string name, const Lines& lines)
      : name_(std::move(name)), lines_(lines) {}

  absl::Status Object(const Json& json, const Descriptor& descriptor,
                      const std::string& path) const {
    if (!json.is_object()) return Wrong(path, json, "a mapping");
    std::string chosen;  // Of a oneof.
    for (const auto& [key, value] : json.items()) {
      const std::string inner =
          path.empty() ? key : absl::StrCat(path, ".", key);
      const FieldDescriptor* field = descriptor.FindFieldByName(key);
      if (field == nullptr) return Unknown(descriptor, path, key);
      if (field->real_containing_oneof() != nullptr) {
        if (!chosen.empty()) {
          return Error(inner,
                       absl::StrCat(path.empty() ? "the study" : path,
                                    ": only one of ", chosen, " and ", key));
        }
        chosen = key;
      }
      ASSAY_RETURN_IF_ERROR(Field(value, *field, inner));
    }
    return absl::OkStatus();
  }

 private:
  // "study.yaml:7: why", with the line of the value at `path`.
  absl::Status Error(const std::string& path, const std::string& why) const {
    const auto line = lines_.find(path);
    const std::string place =
        line == lines_.end() ? "" : absl::StrCat(":", line->second);
    return absl::InvalidArgumentError(absl::StrCat(name_, place, ": ", why));
  }

  absl::Status Wrong(const std::string& path, const Json& value,
                     const std::string& wanted) const {
    return Error(path, absl::StrCat(path, ": ", Brief(value), "; ", wanted,
                                    " is wanted"));
  }

  absl::Status Unknown(const Descriptor& descriptor, const std::string& path,
                       const std::string& key) const {
    const std::vector<std::string> names = FieldNames(descriptor);
    const std::string inner = path.empty() ? key : absl::StrCat(path, ".", key);
    return Error(
        lines_.contains(inner) ? inner : path,  // Or a word without a value.
        absl::StrCat(
            IsChoice(path) ? absl::StrCat(path, ": there is no \"", key, "\"")
                           : absl::StrCat("unknown key \"", inner, "\""),
            Suggestion(key, names), " Allowed: ", absl::StrJoin(names, ", ")));
  }

  absl::Status Field(const Json& value, const FieldDescriptor& field,
                     const std::string& path) const {
    if (!field.is_repeated()) return One(value, field, path);
    if (!value.is_array()) return Wrong(path, value, "a list");
    for (size_t i = 0; i < value.size(); ++i) {
      ASSAY_RETURN_IF_ERROR(
          One(value[i], field, absl::StrCat(path, "[", i, "]")));
    }
    return absl::OkStatus();
  }

  absl::Status One(const Json& value, const FieldDescriptor& field,
                   const std::string& path) const {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Message(value, *field.message_type(), path);
      case FieldDescriptor::CPPTYPE_STRING:
        if (value.is_string()) return absl::OkStatus();
        return Wrong(path, value, "a text (in quotes)");
      case FieldDescriptor::CPPTYPE_BOOL:
        if (value.is_boolean()) return absl::OkStatus();
        return Wrong(path, value, "true or false");
      case FieldDescriptor::CPPTYPE_ENUM:
        return Enum(value, *field.enum_type(), path);
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        if (value.is_number()) return absl::OkStatus();
        return Wrong(path, value, "a number");
      case FieldDescriptor::CPPTYPE_INT32:
        return Whole<int32_t>(value, path);
      case FieldDescriptor::CPPTYPE_INT64:
        return Whole<int64_t>(value, path);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Whole<uint32_t>(value, path);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Whole<uint64_t>(value, path);
    }
    return absl::OkStatus();
  }

  template <typename T>
  absl::Status Whole(const Json& value, const std::string& path) const {
    if (!IsWhole(value)) return Wrong(path, value, "a whole number");
    if (Holds<T>(value)) return absl::OkStatus();
    return Wrong(
        path, value,
        absl::StrCat("a whole number from ", std::numeric_limits<T>::min(),
                     " to ", std::numeric_limits<T>::max()));
  }

  absl::Status Message(const Json& value, const Descriptor& descriptor,
                       const std::string& path) const {
    const std::string& type = descriptor.full_name();
    if (type == "google.protobuf.Value") return absl::OkStatus();
    if (type == "google.protobuf.ListValue") {
      return value.is_array() ? absl::OkStatus() : Wrong(path, value, "a list");
    }
    if (type == "google.protobuf.Struct") {
      return value.is_object() ? absl::OkStatus()
                               : Wrong(path, value, "a mapping");
    }
    // A word where a mapping belongs is often the name of the choice.
    if (value.is_string() &&
        descriptor.FindFieldByName(value.get<std::string>()) != nullptr) {
      return Wrong(path, value,
                   absl::StrCat("{", value.get<std::string>(), ": {}}"));
    }
    if (value.is_string() && IsChoice(path)) {
      return Unknown(descriptor, path, value.get<std::string>());
    }
    return Object(value, descriptor, path);
  }

  absl::Status Enum(const Json& value,
                    const google::protobuf::EnumDescriptor& type,
                    const std::string& path) const {
    std::vector<std::string> names;
    for (int i = 0; i < type.value_count(); ++i) {
      if (type.value(i)->number() != 0) names.push_back(type.value(i)->name());
    }
    const bool known =
        value.is_string() && std::find(names.begin(), names.end(),
                                       value.get<std::string>()) != names.end();
    if (known) return absl::OkStatus();
    return Wrong(path, value, absl::StrJoin(names, " or "));
  }

  const std::string name_;
  const Lines& lines_;
};

absl::StatusOr<std::string> ReadAll(std::istream& in, const std::string& name) {
  std::string text(kMaxBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (in.bad()) {  // A folder, for one.
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", name, ": ", std::strerror(errno)));
  }
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": more than ", kMaxBytes, " bytes"));
  }
  return text;
}

}  // namespace

absl::StatusOr<v1::StudySpec> ParseStudyFile(const std::string& text,
                                             const std::string& name) {
  Lines lines;
  ASSAY_ASSIGN_OR_RETURN(
      const Json json,
      ParseYaml(IsJson(text) ? JoinSurrogatePairs(text) : text, name, lines));
  ASSAY_RETURN_IF_ERROR(
      SchemaCheck(name, lines).Object(json, *v1::StudySpec::descriptor(), ""));
  v1::StudySpec spec;
  const auto status = google::protobuf::util::JsonStringToMessage(
      json.dump(-1, ' ', false, Json::error_handler_t::replace), &spec);
  if (status.ok()) return spec;
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", status.message().as_string()));
}

absl::StatusOr<v1::StudySpec> ReadStudyFile(const std::string& path) {
  if (path == "-") {
    ASSAY_ASSIGN_OR_RETURN(const std::string text, ReadAll(std::cin, "stdin"));
    return ParseStudyFile(text, "stdin");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  ASSAY_ASSIGN_OR_RETURN(const std::string text, ReadAll(file, path));
  return ParseStudyFile(text, path);
}

absl::StatusOr<v1::Stopping> ReadStopping(const std::string& text_or_path) {
  const std::string text(absl::StripAsciiWhitespace(text_or_path));
  if (absl::StartsWith(text, "{")) {
    ASSAY_ASSIGN_OR_RETURN(
        const v1::StudySpec spec,
        ParseStudyFile(absl::StrCat("stopping: ", text), "--stopping"));
    return spec.stopping();
  }
  std::ifstream file(text_or_path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("--stopping: ", text_or_path, ": ", std::strerror(errno),
                     "; a file, or a rule such as {median: {}}"));
  }
  ASSAY_ASSIGN_OR_RETURN(const std::string content,
                         ReadAll(file, text_or_path));
  const std::string first(absl::StripLeadingAsciiWhitespace(content));
  if (absl::StartsWith(first, "{")) {
    // JSON: the whole of it is the rule, or a study.
    const auto rule = ReadStopping(first);
    if (rule.ok()) return rule;
  }
  absl::StatusOr<v1::StudySpec> study = ParseStudyFile(content, text_or_path);
  if (study.ok()) return study->stopping();
  std::string indented = "stopping:";
  for (const auto line : absl::StrSplit(content, '\n')) {
    absl::StrAppend(&indented, "\n  ", line);
  }
  const auto alone = ParseStudyFile(indented, text_or_path);
  if (alone.ok()) return alone->stopping();
  return study.status();
}

}  // namespace assay
