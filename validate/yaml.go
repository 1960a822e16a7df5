package validate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// yamlFile is a parsed YAML file. It is read node by node, so that a value is
// the text that was written (01 stays 01, no stays no) and every fault has a line.
type yamlFile struct {
	name   string // of the file
	root   ast.Node
	schema *schema // of the object that a mapping is for
}

// yamlEntry is one key of a mapping.
type yamlEntry struct {
	key   string
	node  ast.Node // of the key
	value ast.Node
}

// parseYAML parses src, which must be one document. Anchors and aliases are
// refused: they are of no use here, and a few lines of them can unfold to gigabytes.
func parseYAML(name string, src []byte) (*yamlFile, error) {
	if len(src) > maxMapping {
		return nil, fmt.Errorf("mapping %s: %d bytes, at most %d are read; is this a mapping file?", name, len(src), maxMapping)
	}
	p := &yamlFile{name: name}
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("mapping %s: %s", name, strings.TrimSpace(syntax.FormatError(false, true)))
		}
		return nil, fmt.Errorf("mapping %s: %w", name, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, fmt.Errorf("mapping %s: want one YAML document, have %d; begin the file with \"version: 1\"", name, filled(file.Docs))
	}
	p.root = file.Docs[0].Body
	var found aliasFinder
	ast.Walk(&found, p.root)
	if found.node != nil {
		return nil, fmt.Errorf("mapping %s: %w", name, p.fault(found.node, "anchors, aliases, merges and tags are not used here; write the value out"))
	}
	return p, nil
}

// filled counts the documents that hold something.
func filled(docs []*ast.DocumentNode) int {
	n := 0
	for _, d := range docs {
		if d.Body != nil {
			n++
		}
	}
	return n
}

// aliasFinder finds the first node that refers to another, or has a tag.
type aliasFinder struct{ node ast.Node }

func (f *aliasFinder) Visit(n ast.Node) ast.Visitor {
	switch n.Type() {
	case ast.AliasType, ast.AnchorType, ast.MergeKeyType, ast.TagType:
		if f.node == nil {
			f.node = n
		}
		return nil
	}
	return f
}

// fault is an error at a node: line, column, message, and the lines around it
// with a caret.
func (p *yamlFile) fault(n ast.Node, format string, args ...any) error {
	e := &yaml.SyntaxError{Message: fmt.Sprintf(format, args...), Token: n.GetToken()}
	return errors.New(strings.TrimRight(e.FormatError(false, true), "\n"))
}

func line(n ast.Node) int { return n.GetToken().Position.Line }

func isMapping(n ast.Node) bool {
	return n != nil && (n.Type() == ast.MappingType || n.Type() == ast.MappingValueType)
}

// entries are the keys of a mapping in their order. Where allowed is given, any
// other key is a fault that names the nearest; a key that is there twice always is.
func (p *yamlFile) entries(n ast.Node, what string, allowed []string) ([]yamlEntry, error) {
	var nodes []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		nodes = n.Values
	case *ast.MappingValueNode:
		nodes = []*ast.MappingValueNode{n}
	default:
		return nil, p.fault(n, "%s must be a mapping of keys to values", what)
	}
	list := make([]yamlEntry, 0, len(nodes))
	seen := make(map[string]bool, len(nodes))
	for _, v := range nodes {
		key, err := p.scalar(v.Key, "a key of "+what)
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, p.fault(v.Key, "%s has the key %q twice", what, key)
		}
		if allowed != nil && !slices.Contains(allowed, key) {
			return nil, p.unknownKey(v.Key, key, what, allowed)
		}
		seen[key] = true
		list = append(list, yamlEntry{key: key, node: v.Key, value: v.Value})
	}
	return list, nil
}

func (p *yamlFile) unknownKey(n ast.Node, key, what string, allowed []string) error {
	if near := newSpeller(allowed).nearest(key); near != "" {
		return p.fault(n, "%s has no key %q; did you mean %s?", what, key, near)
	}
	return p.fault(n, "%s has no key %q; there are %s", what, key, strings.Join(allowed, ", "))
}

// scalar is the text of a single value as it was written; null is "".
func (p *yamlFile) scalar(n ast.Node, what string) (string, error) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.NullNode:
		return "", nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.MappingKeyNode:
		return p.scalar(n.Value, what)
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", p.fault(n, "%s must be a single value", what)
}

// oneOf is a scalar that is one of a few words.
func (p *yamlFile) oneOf(n ast.Node, what string, words ...string) (string, error) {
	text, err := p.scalar(n, what)
	if err != nil {
		return "", err
	}
	if !slices.Contains(words, text) {
		return "", p.fault(n, "%s is %q, want %s", what, text, strings.Join(words, ", "))
	}
	return text, nil
}
