//===- Yaml.cpp -----------------------------------------------------------===//

#include "Yaml.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

namespace qcc::yaml {
namespace {

constexpr unsigned kMaxDepth = 64;

class Reader {
public:
  Reader(std::string_view input, const std::string &name) : name(name), stream({input.data(), input.size()}, sources) {
    sources.setDiagHandler(
        [](const llvm::SMDiagnostic &diagnostic, void *self) {
          auto *reader = static_cast<Reader *>(self);
          if (reader->problem.empty())
            reader->problem = text(reader->name, ":", diagnostic.getLineNo(), ": ", diagnostic.getMessage().str());
        },
        this);
  }

  Expected<Node> read() {
    llvm::yaml::document_iterator document = stream.begin();
    if (document == stream.end())
      return Error{text(name, ": is empty")};
    Node root;
    llvm::yaml::Node *top = document->getRoot();
    if (Status s = convert(top, 0, root); !s)
      return s.takeError();
    ++document;
    if (stream.failed() || !problem.empty())
      return Error{problem.empty() ? text(name, ": is not YAML") : problem};
    if (document != stream.end())
      return Error{text(name, ": holds several YAML documents; one is expected")};
    return root;
  }

private:
  unsigned lineOf(llvm::yaml::Node *node) {
    llvm::SMLoc at = node->getSourceRange().Start;
    return at.isValid() ? sources.getLineAndColumn(at).first : 0;
  }
  Error refuse(unsigned line, const std::string &why) const { return {text(name, ":", line, ": ", why)}; }

  Status convert(llvm::yaml::Node *node, unsigned depth, Node &out) {
    if (!node || stream.failed())
      return Error{problem.empty() ? text(name, ": is not YAML") : problem};
    out.line = lineOf(node);
    if (depth > kMaxDepth)
      return refuse(out.line, text("nested deeper than ", kMaxDepth, " levels"));
    if (!node->getAnchor().empty() || llvm::isa<llvm::yaml::AliasNode>(node))
      return refuse(out.line, "anchors and aliases are not understood; write the value out");
    if (llvm::isa<llvm::yaml::NullNode>(node))
      return {};
    if (auto *scalar = llvm::dyn_cast<llvm::yaml::ScalarNode>(node)) {
      llvm::SmallString<64> storage;
      out.scalar = scalar->getValue(storage).str();
      llvm::StringRef raw = scalar->getRawValue();
      bool isNull = raw == "null" || raw == "Null" || raw == "NULL" || raw == "~" || raw == "None";
      out.kind = isNull ? Node::Kind::Null : Node::Kind::Scalar;
      return {};
    }
    if (auto *block = llvm::dyn_cast<llvm::yaml::BlockScalarNode>(node)) {
      out.scalar = block->getValue().str();
      out.kind = Node::Kind::Scalar;
      return {};
    }
    if (auto *sequence = llvm::dyn_cast<llvm::yaml::SequenceNode>(node)) {
      out.kind = Node::Kind::Sequence;
      for (llvm::yaml::Node &item : *sequence)
        if (Status s = convert(&item, depth + 1, out.items.emplace_back()); !s)
          return s;
      return {};
    }
    auto *mapping = llvm::dyn_cast<llvm::yaml::MappingNode>(node);
    if (!mapping)
      return refuse(out.line, "expected a value, a list or a mapping");
    out.kind = Node::Kind::Mapping;
    for (llvm::yaml::KeyValueNode &member : *mapping) {
      Node key, value;
      if (Status s = convert(member.getKey(), depth + 1, key); !s)
        return s;
      if (!key.isScalar())
        return refuse(key.line, "a key must be a plain name");
      if (out.find(key.scalar))
        return refuse(key.line, text(quote(key.scalar), " is given twice"));
      if (Status s = convert(member.getValue(), depth + 1, value); !s)
        return s;
      // A mapping in block style begins a line later than its name, which is what messages mean.
      if (value.line == 0 || value.isMapping())
        value.line = key.line;
      out.members.emplace_back(std::move(key.scalar), std::move(value));
    }
    return {};
  }

  std::string name, problem;
  llvm::SourceMgr sources;
  llvm::yaml::Stream stream;
};

} // namespace

const Node *Node::find(std::string_view key) const {
  for (const auto &[name, value] : members)
    if (name == key)
      return &value;
  return nullptr;
}

Expected<Node> parse(std::string_view text, const std::string &name) { return Reader(text, name).read(); }

} // namespace qcc::yaml
