package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// largestSettings is the size over which a file cannot be one of settings.
const largestSettings = 1 << 20

// entry is one setting of a file: its key, with "_" as in the file, and the
// texts it was given.
type entry struct {
	key    string
	values []string
	list   bool // written as a list or a mapping
	token  *token.Token
}

// settingsFile is a file of settings as written, before any key was judged.
type settingsFile struct {
	path     string // as the user would name it
	entries  []entry
	profiles map[string][]entry
	// quiet says that the source may hold a key: no line of it is shown.
	quiet bool
}

// readSettings reads a YAML file of settings. A missing file is one that is
// empty, unless it was named. The error of a file that is none of settings
// carries the line with a caret.
func readSettings(path string, named bool) (*settingsFile, error) {
	file := &settingsFile{path: path, profiles: make(map[string][]entry)}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return file, nil
	}
	if err != nil {
		return nil, usagef("see gsbatch help files", "configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, largestSettings+1))
	if err != nil {
		return nil, usagef("see gsbatch help files", "configuration: %w", err)
	}
	if len(text) > largestSettings {
		return nil, usagef("gsbatch.yaml holds settings only", "%s: larger than %d bytes", path, largestSettings)
	}
	return file, file.parse(bytes.TrimPrefix(text, []byte("\ufeff")))
}

// parse reads the top level of the file.
func (f *settingsFile) parse(text []byte) error {
	plain := strings.NewReplacer("_", "", "-", "", " ", "", `"`, "", "'", "").Replace(strings.ToLower(string(text)))
	f.quiet = strings.Contains(plain, "accesskey:")
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		if bad, ok := errors.AsType[yaml.Error](err); ok {
			return f.errorf(bad.GetToken(), "mend the YAML", "%s", bad.GetMessage())
		}
		return usagef("mend the YAML", "%s: %s", f.path, oneLine(err.Error()))
	}
	if len(tree.Docs) > 1 {
		return usagef("keep one", "%s: %d YAML documents", f.path, len(tree.Docs))
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return nil
	}
	if _, empty := tree.Docs[0].Body.(*ast.NullNode); empty {
		return nil
	}
	pairs, ok := mapping(tree.Docs[0].Body)
	if !ok {
		return f.errorf(tree.Docs[0].Body.GetToken(), "write lines like timeout: 30s", "no settings")
	}
	return f.top(pairs)
}

// top sorts the pairs of the top level into settings and profiles.
func (f *settingsFile) top(pairs []*ast.MappingValueNode) error {
	var plain []*ast.MappingValueNode
	for _, pair := range pairs {
		if keyOf(pair) != "profiles" {
			plain = append(plain, pair)
			continue
		}
		profiles, ok := mapping(pair.Value)
		if !ok {
			return f.errorf(pair.Value.GetToken(), "write NAME: below profiles: and its settings below that", "profiles has no names")
		}
		for _, profile := range profiles {
			inner, ok := mapping(profile.Value)
			if !ok {
				return f.errorf(profile.Key.GetToken(), "write its settings below it", "profile %q has no settings", keyOf(profile))
			}
			entries, err := f.list(inner)
			if err != nil {
				return err
			}
			f.profiles[keyOf(profile)] = entries
		}
	}
	var err error
	f.entries, err = f.list(plain)
	return err
}

// list returns pairs as settings; a key given twice is an error.
func (f *settingsFile) list(pairs []*ast.MappingValueNode) ([]entry, error) {
	var entries []entry
	seen := make(map[string]int)
	for _, pair := range pairs {
		e := entry{key: keyOf(pair), token: pair.Key.GetToken()}
		if line, twice := seen[e.key]; twice {
			return nil, f.errorf(e.token, "keep one", "%s was set in line %d already", e.key, line)
		}
		seen[e.key] = e.token.Position.Line
		if err := f.values(&e, pair.Value); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// values reads the value of e: a scalar, a list of scalars, or a mapping of
// scalars, which is a list of KEY=VALUE.
func (f *settingsFile) values(e *entry, node ast.Node) error {
	if items, ok := node.(*ast.SequenceNode); ok {
		e.list = true
		for _, item := range items.Values {
			text, ok := scalar(item)
			if !ok {
				return f.errorf(item.GetToken(), "give plain values", "%s: a list in a list", e.key)
			}
			e.values = append(e.values, text)
		}
		return nil
	}
	if pairs, ok := mapping(node); ok {
		e.list = true
		for _, pair := range pairs {
			text, ok := scalar(pair.Value)
			if !ok {
				return f.errorf(pair.Value.GetToken(), "give plain values", "%s: %s has no plain value", e.key, keyOf(pair))
			}
			e.values = append(e.values, keyOf(pair)+"="+text)
		}
		return nil
	}
	text, ok := scalar(node)
	if !ok {
		return f.errorf(e.token, "give it a plain value", "%s has no value", e.key)
	}
	e.values = []string{text}
	return nil
}

// errorf returns a usage error at a place of the file, with the line and a caret.
func (f *settingsFile) errorf(at *token.Token, mend, format string, args ...any) error {
	place, source := f.path, ""
	if at != nil && at.Position != nil {
		place = fmt.Sprintf("%s:%d", f.path, at.Position.Line)
		if !f.quiet {
			_, source, _ = strings.Cut(yaml.FormatErrorWithToken("", at, false, true), "\n")
		}
	}
	return &failure{code: exitUsage, mend: mend, source: source, err: fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...))}
}

// mapping returns the pairs of a YAML mapping.
func mapping(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := node.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

// scalar returns the text of a plain value as it stands in the file: 0100 is
// not 64, and 1e3 not 1000. Aliases, anchors and tags are no plain values.
func scalar(node ast.Node) (string, bool) {
	switch v := node.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// keyOf returns the key of a pair.
func keyOf(pair *ast.MappingValueNode) string {
	var key ast.Node = pair.Key
	if explicit, ok := key.(*ast.MappingKeyNode); ok {
		key = explicit.Value
	}
	if text, ok := scalar(key); ok {
		return text
	}
	return key.GetToken().Value
}
