#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"

namespace assay {

// An interval; open at an end where that bound itself is not allowed.
struct Range {
  double min = 0;
  double max = 0;
  bool min_open = false;
  bool max_open = false;

  bool Contains(double value) const;
  std::string ToString() const;  // "(0, 1]"
};

// The words for the values of a choice, in the order in which they are told.
template <class Enum>
using Names = std::vector<std::pair<const char*, Enum>>;

// Under what other choice a key may be given.
struct Condition {
  bool holds = true;
  std::string text;  // `allowed only with optimizer.name sgd, rmsprop`
};

// Reads the keys of a configuration one by one and remembers which exist. Every
// mistake is collected, the default stands in for the value, and reading goes
// on, so that the user sees all mistakes at once.
class ConfigurationReader {
 public:
  ConfigurationReader(const nlohmann::json& config,
                      const nlohmann::json& parameters);

  bool Has(const std::string& key) const { return values_.contains(key); }

  // Whether a parameter of the trial gave it.
  bool IsParameter(const std::string& key) const {
    return overridden_.contains(key);
  }

  // Each declares `key`, and returns its value if it is given, else `standard`.
  int64_t Integer(const std::string& key, int64_t min, int64_t max,
                  int64_t standard, const Condition& condition = {});
  double Number(const std::string& key, Range allowed, double standard,
                const Condition& condition = {});
  bool Boolean(const std::string& key, bool standard,
               const Condition& condition = {});
  std::string Text(const std::string& key, const std::string& standard,
                   const Condition& condition = {});
  std::vector<std::string> Texts(const std::string& key,
                                 const Condition& condition = {});
  template <class Enum>
  Enum Choice(const std::string& key, const Names<Enum>& names, Enum standard,
              const Condition& condition = {});
  // Of the keys `prefix`N`suffix` those that are given, by N; `count` of `what`
  // there are, from 0.
  std::map<int64_t, double> NumbersBy(const std::string& prefix,
                                      const std::string& suffix, int64_t count,
                                      const std::string& what, Range allowed,
                                      const Condition& condition = {});

  // Holds if the choice `key`, already read, is one of `choices`.
  Condition With(const std::string& key,
                 const std::vector<std::string>& choices) const;

  // Notes that the value of `key` is wrong because of `complaint`.
  void Refuse(const std::string& key, const std::string& complaint);

  // All mistakes, those keys included that nobody has declared.
  std::vector<std::string> Mistakes() const;

 private:
  void Flatten(const std::string& prefix, const nlohmann::json& object);
  void Override(const nlohmann::json& parameters);
  // The value to read: null if there is none, or if its condition is not met.
  const nlohmann::json* Find(const std::string& key,
                             const Condition& condition);
  std::string Unknown(const std::string& key) const;

  std::map<std::string, nlohmann::json> values_;  // By dotted key.
  std::set<std::string> overridden_;
  std::set<std::string> declared_;
  std::map<std::string, std::string> chosen_;
  std::vector<std::string> mistakes_;
};

// `, did you mean "x"?` for the nearest of `candidates`, or nothing if none is.
std::string DidYouMean(const std::string& word,
                       const std::set<std::string>& candidates);

std::string Join(const std::vector<std::string>& words);  // "a, b, c"

template <class Enum>
Enum ConfigurationReader::Choice(const std::string& key,
                                 const Names<Enum>& names, Enum standard,
                                 const Condition& condition) {
  std::vector<std::string> words;
  for (const auto& [name, value] : names) {
    words.emplace_back(name);
    if (value == standard) chosen_[key] = name;
  }
  const nlohmann::json* given = Find(key, condition);
  if (given == nullptr) return standard;
  for (const auto& [name, value] : names) {
    if (*given != name) continue;
    chosen_[key] = name;
    return value;
  }
  std::string hint;
  if (given->is_string()) {
    hint = DidYouMean(given->get<std::string>(), {words.begin(), words.end()});
  }
  Refuse(key, "is not one of " + Join(words) + hint);
  return standard;
}

}  // namespace assay
