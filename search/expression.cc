#include "search/expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

enum class Op {
  kNumber,
  kText,
  kTrue,
  kFalse,
  kName,  // Leaves.
  kOr,
  kAnd,
  kNot,  // Conditions.
  kEqual,
  kUnequal,
  kLess,
  kAtMost,
  kGreater,
  kAtLeast,  // Comparisons.
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kNegate,
  kAbs,
  kLog,
  kExp,
  kSqrt,
  kMin,
  kMax,
};

// What an expression can be; a name may turn out to be anything.
enum class Kind { kNumber, kText, kCondition, kAny };

}  // namespace

struct Expression::Node {
  Op op;
  double number = 0;
  std::string text = {};  // Of kText and kName.
  std::vector<Node> args = {};
};

namespace {

using Node = Expression::Node;

struct Function {
  const char* name;
  Op op;
  bool many;  // Takes any number of arguments, at least one.
};
constexpr Function kFunctions[] = {
    {"abs", Op::kAbs, false}, {"exp", Op::kExp, false},
    {"log", Op::kLog, false}, {"max", Op::kMax, true},
    {"min", Op::kMin, true},  {"sqrt", Op::kSqrt, false},
};
constexpr char kFunctionNames[] = "abs, exp, log, max, min, sqrt";

struct Operator {
  const char* text;
  Op op;
};
constexpr Operator kComparisons[] = {
    {"==", Op::kEqual},   {"!=", Op::kUnequal}, {"<=", Op::kAtMost},
    {">=", Op::kAtLeast}, {"<", Op::kLess},     {">", Op::kGreater},
};
constexpr Operator kSums[] = {{"+", Op::kAdd}, {"-", Op::kSubtract}};
constexpr Operator kProducts[] = {
    {"*", Op::kMultiply}, {"/", Op::kDivide}, {"%", Op::kRemainder}};

Kind KindOf(const Node& node) {
  switch (node.op) {
    case Op::kName:
      return Kind::kAny;
    case Op::kText:
      return Kind::kText;
    default:
      break;
  }
  const bool condition = node.op == Op::kTrue || node.op == Op::kFalse ||
                         (node.op >= Op::kOr && node.op <= Op::kAtLeast);
  return condition ? Kind::kCondition : Kind::kNumber;
}

const char* Name(Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return "a number";
    case Kind::kText:
      return "a text";
    case Kind::kCondition:
      return "a condition";
    case Kind::kAny:
      break;
  }
  return "a value";
}

// --- Reading -----------------------------------------------------------------

enum class TokenKind { kEnd, kNumber, kText, kName, kQuotedName, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t column = 1;
  std::string text = {};  // As written, quotes removed.
  double number = 0;
};

absl::Status Bad(size_t column, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("column ", column, ": ", what));
}

std::string Shown(const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end";
  return absl::StrCat("\"", token.text, "\"");
}

bool StartsName(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool ContinuesName(char c) {
  return absl::ascii_isalnum(c) || c == '_' || c == '.';
}

class Lexer {
 public:
  explicit Lexer(const std::string& text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
    if (at_ == text_.size()) return Token{.column = at_ + 1};
    const char c = text_[at_];
    if (c == '\'' || c == '"') return Quoted(TokenKind::kText);
    if (c == '`') return Quoted(TokenKind::kQuotedName);
    if (absl::ascii_isdigit(c) || c == '.') return Number();
    if (StartsName(c)) return Word();
    return Symbol();
  }

 private:
  absl::StatusOr<Token> Quoted(TokenKind kind) {
    const size_t begin = at_ + 1;
    const size_t end = text_.find(text_[at_], begin);
    if (end == std::string::npos) {
      return Bad(at_ + 1,
                 absl::StrCat("no closing ", std::string(1, text_[at_])));
    }
    at_ = end + 1;
    return Token{kind, begin, text_.substr(begin, end - begin)};
  }

  absl::StatusOr<Token> Number() {
    Token token{.kind = TokenKind::kNumber, .column = at_ + 1};
    const char* begin = text_.data() + at_;
    const auto read =
        std::from_chars(begin, text_.data() + text_.size(), token.number);
    if (read.ec != std::errc()) return Bad(token.column, "not a finite number");
    token.text = std::string(begin, read.ptr);
    at_ += token.text.size();
    return token;
  }

  absl::StatusOr<Token> Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && ContinuesName(text_[at_])) ++at_;
    return Token{TokenKind::kName, begin + 1, text_.substr(begin, at_ - begin)};
  }

  absl::StatusOr<Token> Symbol() {
    const size_t begin = at_;
    const std::string two = text_.substr(begin, 2);
    const bool pair = two == "==" || two == "!=" || two == "<=" || two == ">=";
    const std::string symbol = pair ? two : two.substr(0, 1);
    if (!pair && std::string("<>+-*/%(),").find(symbol) == std::string::npos) {
      return Bad(begin + 1,
                 absl::StrCat("\"", symbol, "\" means nothing here"));
    }
    at_ += symbol.size();
    return Token{TokenKind::kSymbol, begin + 1, symbol};
  }

  const std::string& text_;
  size_t at_ = 0;
};

// Recursive descent: one function a level of precedence. Each nesting in the
// text (parentheses, not, unary minus, calls) adds one to `depth_`.
class Parser {
 public:
  explicit Parser(const std::string& text) : lexer_(text) {}

  absl::StatusOr<Node> Whole() {
    ASSAY_RETURN_IF_ERROR(Advance());
    ASSAY_ASSIGN_OR_RETURN(Node node, Or());
    if (token_.kind != TokenKind::kEnd) {
      return Unexpected("an operator or the end");
    }
    ASSAY_RETURN_IF_ERROR(Need(node, Kind::kCondition, 1));
    return node;
  }

 private:
  using Level = absl::StatusOr<Node> (Parser::*)();

  absl::Status Advance() {
    ASSAY_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }

  absl::Status Unexpected(const std::string& wanted) const {
    return Bad(token_.column,
               absl::StrCat("expected ", wanted, ", found ", Shown(token_)));
  }

  static absl::Status Need(const Node& node, Kind kind, size_t column) {
    const Kind is = KindOf(node);
    if (is == kind || is == Kind::kAny) return absl::OkStatus();
    return Bad(column,
               absl::StrCat("expected ", Name(kind), ", found ", Name(is)));
  }

  bool IsWord(const char* word) const {
    return token_.kind == TokenKind::kName && token_.text == word;
  }
  bool IsSymbol(const char* symbol) const {
    return token_.kind == TokenKind::kSymbol && token_.text == symbol;
  }

  absl::StatusOr<Node> Or() { return Chain("or", Op::kOr, &Parser::And); }
  absl::StatusOr<Node> And() { return Chain("and", Op::kAnd, &Parser::Not); }

  // next (word next)*, as one node with all of them.
  absl::StatusOr<Node> Chain(const char* word, Op op, Level next) {
    size_t column = token_.column;
    ASSAY_ASSIGN_OR_RETURN(Node first, (this->*next)());
    if (!IsWord(word)) return first;
    Node chain{.op = op};
    ASSAY_RETURN_IF_ERROR(Need(first, Kind::kCondition, column));
    chain.args.push_back(std::move(first));
    while (IsWord(word)) {
      ASSAY_RETURN_IF_ERROR(Advance());
      column = token_.column;
      ASSAY_ASSIGN_OR_RETURN(Node node, (this->*next)());
      ASSAY_RETURN_IF_ERROR(Need(node, Kind::kCondition, column));
      chain.args.push_back(std::move(node));
    }
    return chain;
  }

  absl::StatusOr<Node> Not() {
    if (!IsWord("not")) return Comparison();
    ASSAY_RETURN_IF_ERROR(Advance());
    return Wrapped(Op::kNot, Kind::kCondition, &Parser::Not);
  }

  // op(next), one level deeper.
  absl::StatusOr<Node> Wrapped(Op op, Kind kind, Level next) {
    const size_t column = token_.column;
    ASSAY_ASSIGN_OR_RETURN(Node inner, Deeper(next));
    ASSAY_RETURN_IF_ERROR(Need(inner, kind, column));
    Node node{.op = op};
    node.args.push_back(std::move(inner));
    return node;
  }

  absl::StatusOr<Node> Deeper(Level level) {
    if (++depth_ > Expression::kMaxDepth) {
      return Bad(token_.column,
                 absl::StrCat("nested deeper than ", Expression::kMaxDepth));
    }
    absl::StatusOr<Node> node = (this->*level)();
    --depth_;
    return node;
  }

  template <size_t n>
  const Operator* Among(const Operator (&operators)[n]) const {
    for (const Operator& candidate : operators) {
      if (IsSymbol(candidate.text)) return &candidate;
    }
    return nullptr;
  }

  absl::StatusOr<Node> Comparison() {
    ASSAY_ASSIGN_OR_RETURN(Node left, Sum());
    const Operator* comparison = Among(kComparisons);
    if (comparison == nullptr) return left;
    ASSAY_RETURN_IF_ERROR(Advance());
    ASSAY_ASSIGN_OR_RETURN(Node right, Sum());
    if (Among(kComparisons) != nullptr) {
      return Unexpected("and, or or the end: comparisons are not chained");
    }
    Node node{.op = comparison->op};
    node.args.push_back(std::move(left));
    node.args.push_back(std::move(right));
    return node;
  }

  absl::StatusOr<Node> Sum() { return Arithmetic(kSums, &Parser::Product); }
  absl::StatusOr<Node> Product() {
    return Arithmetic(kProducts, &Parser::Unary);
  }

  // next (operator next)*, from the left. A long chain is a deep tree, so that
  // each operator counts as a nesting of its own.
  template <size_t n>
  absl::StatusOr<Node> Arithmetic(const Operator (&operators)[n], Level next) {
    size_t column = token_.column;
    ASSAY_ASSIGN_OR_RETURN(Node left, (this->*next)());
    int length = 0;
    while (const Operator* found = Among(operators)) {
      if (++length > kMaxChain) {
        return Bad(token_.column,
                   absl::StrCat("more than ", kMaxChain, " terms in a row"));
      }
      ASSAY_RETURN_IF_ERROR(Need(left, Kind::kNumber, column));
      ASSAY_RETURN_IF_ERROR(Advance());
      column = token_.column;
      ASSAY_ASSIGN_OR_RETURN(Node right, (this->*next)());
      ASSAY_RETURN_IF_ERROR(Need(right, Kind::kNumber, column));
      Node node{.op = found->op};
      node.args.push_back(std::move(left));
      node.args.push_back(std::move(right));
      left = std::move(node);
    }
    return left;
  }

  absl::StatusOr<Node> Unary() {
    if (!IsSymbol("-")) return Value();
    ASSAY_RETURN_IF_ERROR(Advance());
    return Wrapped(Op::kNegate, Kind::kNumber, &Parser::Unary);
  }

  absl::StatusOr<Node> Value() {
    Token token = token_;
    switch (token.kind) {
      case TokenKind::kNumber:
        return Leaf({.op = Op::kNumber, .number = token.number});
      case TokenKind::kText:
        return Leaf({.op = Op::kText, .text = token.text});
      case TokenKind::kQuotedName:
        return Leaf({.op = Op::kName, .text = token.text});
      case TokenKind::kName:
        return Word(std::move(token));
      default:
        return IsSymbol("(") ? Parenthesised() : Unexpected("a value");
    }
  }

  absl::StatusOr<Node> Leaf(Node node) {
    ASSAY_RETURN_IF_ERROR(Advance());
    return node;
  }

  absl::StatusOr<Node> Word(Token token) {
    if (IsWord("true")) return Leaf({.op = Op::kTrue});
    if (IsWord("false")) return Leaf({.op = Op::kFalse});
    if (IsWord("and") || IsWord("or") || IsWord("not")) {
      return Unexpected("a value");
    }
    ASSAY_RETURN_IF_ERROR(Advance());
    if (IsSymbol("(")) return Call(token);
    return Node{.op = Op::kName, .text = std::move(token.text)};
  }

  absl::StatusOr<Node> Parenthesised() {
    ASSAY_RETURN_IF_ERROR(Advance());
    ASSAY_ASSIGN_OR_RETURN(Node node, Deeper(&Parser::Or));
    ASSAY_RETURN_IF_ERROR(Close());
    return node;
  }

  absl::Status Close() {
    if (!IsSymbol(")")) return Unexpected("\")\"");
    return Advance();
  }

  absl::StatusOr<Node> Call(const Token& name) {
    const auto* function = std::find_if(
        std::begin(kFunctions), std::end(kFunctions),
        [&](const Function& candidate) { return candidate.name == name.text; });
    if (function == std::end(kFunctions)) {
      return Bad(name.column, absl::StrCat("unknown function \"", name.text,
                                           "\"; there are ", kFunctionNames));
    }
    ASSAY_ASSIGN_OR_RETURN(Node node, Arguments(function->op));
    if (!function->many && node.args.size() != 1) {
      return Bad(name.column, absl::StrCat(name.text, " takes 1 argument, not ",
                                           node.args.size()));
    }
    return node;
  }

  // ( sum , sum ... ): the current token is the opening parenthesis.
  absl::StatusOr<Node> Arguments(Op op) {
    Node node{.op = op};
    do {
      ASSAY_RETURN_IF_ERROR(Advance());
      const size_t column = token_.column;
      ASSAY_ASSIGN_OR_RETURN(Node argument, Deeper(&Parser::Sum));
      ASSAY_RETURN_IF_ERROR(Need(argument, Kind::kNumber, column));
      node.args.push_back(std::move(argument));
    } while (IsSymbol(","));
    ASSAY_RETURN_IF_ERROR(Close());
    return node;
  }

  static constexpr int kMaxChain = 256;

  Lexer lexer_;
  Token token_;
  int depth_ = 0;
};

void CollectNames(const Node& node, std::vector<std::string>& names) {
  if (node.op == Op::kName) names.push_back(node.text);
  for (const Node& arg : node.args) CollectNames(arg, names);
}

// --- Evaluating --------------------------------------------------------------

// kUnknown: depends on a name without a value. kInvalid: text where a number
// belongs; its comparison is false.
enum class ValueKind { kNumber, kText, kBool, kUnknown, kInvalid };

struct Value {
  ValueKind kind = ValueKind::kInvalid;
  double number = 0;  // kBool: 0 or 1.
  const std::string* text = nullptr;
};

Value Number(double number) { return {ValueKind::kNumber, number}; }
Value Bool(bool value) { return {ValueKind::kBool, value ? 1.0 : 0.0}; }

Value ValueOf(const ParameterValue* value) {
  if (value == nullptr) return {ValueKind::kUnknown};
  if (const auto* flag = std::get_if<bool>(value)) return Bool(*flag);
  if (const auto* text = std::get_if<std::string>(value)) {
    return {ValueKind::kText, 0, text};
  }
  return Number(*AsNumber(*value));
}

template <typename T>
bool Compare(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kEqual:
      return a == b;
    case Op::kUnequal:
      return a != b;
    case Op::kLess:
      return a < b;
    case Op::kAtMost:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

Value Compared(Op op, const Value& a, const Value& b) {
  if (a.kind == ValueKind::kUnknown || b.kind == ValueKind::kUnknown) {
    return {ValueKind::kUnknown};
  }
  if (a.kind != b.kind || a.kind == ValueKind::kInvalid) return Bool(false);
  if (a.kind == ValueKind::kText) return Bool(Compare(op, *a.text, *b.text));
  return Bool(Compare(op, a.number, b.number));
}

double Calculate(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSubtract:
      return a - b;
    case Op::kMultiply:
      return a * b;
    case Op::kDivide:
      return a / b;
    case Op::kRemainder:
      return std::fmod(a, b);
    case Op::kMin:
      return std::min(a, b);
    default:
      return std::max(a, b);
  }
}

double Calculate(Op op, double a) {
  switch (op) {
    case Op::kNegate:
      return -a;
    case Op::kAbs:
      return std::fabs(a);
    case Op::kLog:
      return std::log(a);
    case Op::kExp:
      return std::exp(a);
    case Op::kSqrt:
      return std::sqrt(a);
    default:
      return a;  // min and max of one number.
  }
}

class Evaluator {
 public:
  explicit Evaluator(Expression::Lookup lookup) : lookup_(lookup) {}

  Value operator()(const Node& node) const {
    switch (node.op) {
      case Op::kNumber:
        return Number(node.number);
      case Op::kText:
        return {ValueKind::kText, 0, &node.text};
      case Op::kTrue:
      case Op::kFalse:
        return Bool(node.op == Op::kTrue);
      case Op::kName:
        return ValueOf(lookup_(node.text));
      case Op::kOr:
      case Op::kAnd:
        return Chain(node);
      case Op::kNot:
        return Not(Condition(node.args[0]));
      default:
        return IsComparison(node.op) ? Compared(node.op, (*this)(node.args[0]),
                                                (*this)(node.args[1]))
                                     : Arithmetic(node);
    }
  }

 private:
  static bool IsComparison(Op op) {
    return op >= Op::kEqual && op <= Op::kAtLeast;
  }

  // Anything but a condition is false.
  Value Condition(const Node& node) const {
    const Value value = (*this)(node);
    const bool usable =
        value.kind == ValueKind::kBool || value.kind == ValueKind::kUnknown;
    return usable ? value : Bool(false);
  }

  static Value Not(const Value& value) {
    return value.kind == ValueKind::kUnknown ? value : Bool(value.number == 0);
  }

  // Kleene's logic: `or` is true if one is, else unknown if one is.
  Value Chain(const Node& node) const {
    const double decisive = node.op == Op::kOr ? 1 : 0;
    Value result = Bool(decisive == 0);
    for (const Node& arg : node.args) {
      const Value value = Condition(arg);
      if (value.kind == ValueKind::kUnknown) {
        result = value;
      } else if (value.number == decisive) {
        return value;
      }
    }
    return result;
  }

  Value Arithmetic(const Node& node) const {
    Value result = (*this)(node.args[0]);
    if (result.kind != ValueKind::kNumber) return NoNumber(result);
    if (node.args.size() == 1) return Number(Calculate(node.op, result.number));
    for (size_t i = 1; i < node.args.size(); ++i) {
      const Value next = (*this)(node.args[i]);
      if (next.kind != ValueKind::kNumber) return NoNumber(next);
      result.number = Calculate(node.op, result.number, next.number);
    }
    return result;
  }

  static Value NoNumber(const Value& value) {
    return value.kind == ValueKind::kUnknown ? value : Value{};
  }

  Expression::Lookup lookup_;
};

}  // namespace

Expression::Expression(std::string text, std::shared_ptr<const Node> root,
                       std::vector<std::string> names)
    : text_(std::move(text)),
      root_(std::move(root)),
      names_(std::move(names)) {}

absl::StatusOr<Expression> Expression::Parse(const std::string& text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expression of ", text.size(), " bytes, allowed are ", kMaxBytes));
  }
  ASSAY_ASSIGN_OR_RETURN(Node root, Parser(text).Whole());
  std::vector<std::string> names;
  CollectNames(root, names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return Expression(text, std::make_shared<const Node>(std::move(root)),
                    std::move(names));
}

bool Expression::Evaluate(Lookup lookup, Missing missing) const {
  const Value value = Evaluator(lookup)(*root_);
  if (value.kind == ValueKind::kUnknown) return missing == Missing::kTrue;
  return value.kind == ValueKind::kBool && value.number != 0;
}

}  // namespace assay
