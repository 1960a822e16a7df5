// Package gsbatch_test holds the rules of the design that a compiler cannot.
package gsbatch_test

import (
	"bufio"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "gsbatch"

// design is one row of the table of packages: what a package is, in the first
// sentence of its comment, and which of our packages it may import.
type design struct {
	sentence string
	imports  []string
}

// everything stands for all of our packages.
const everything = "*"

func designs() map[string]design {
	return map[string]design{
		"cmd/gsbatch": {"Command gsbatch reads flags and environment, wires the packages, shows progress, maps the outcome to an exit code.",
			[]string{everything}},
		"pipeline": {"Package pipeline moves rows into records and records into rows: plan, apply, settle, export, undo, report.",
			[]string{"validate", "readers", "writers", "checkpoint", "gainsight"}},
		"validate": {"Package validate turns one row into one operation or a list of problems, by the mapping, the schema of the object and the picklists.",
			[]string{"readers", "gainsight"}},
		"readers":    {"Package readers yields the rows of a CSV, XLSX or JSONL file with their true positions, loudly.", nil},
		"writers":    {"Package writers creates CSV, XLSX and JSONL tables that appear whole or not at all; owns the columns of the reports and the drop-down workbook.", nil},
		"checkpoint": {"Package checkpoint keeps, durably and before anything is claimed, the plan and the fate of every row, the quota and the export watermarks.", nil},
		"gainsight":  {"Package gainsight is a client of the Customer Goals API: requests, paging, quota gate, verdicts, typed errors.", nil},
		"emulator":   {"Package emulator is a Gainsight tenant behind http.Handler, with limits and faults on demand.", nil},
	}
}

// homes says where alone a library may be used. A library is named by the start
// of its import path.
func homes() map[string][]string {
	cmd := []string{"cmd/gsbatch"}
	return map[string][]string{
		"github.com/spf13/":                cmd,
		"github.com/schollz/":              cmd,
		"github.com/lmittmann/tint":        cmd,
		"github.com/zalando/go-keyring":    cmd,
		"github.com/mattn/go-isatty":       cmd,
		"golang.org/x/term":                cmd,
		"charm.land/":                      cmd,
		"github.com/charmbracelet/":        cmd,
		"flag":                             cmd,
		"github.com/xuri/excelize/":        {"readers", "writers"},
		"database/sql":                     {"checkpoint"},
		"modernc.org/":                     {"checkpoint"},
		"golang.org/x/sync/errgroup":       {"pipeline"},
		"golang.org/x/time/rate":           {"gainsight"},
		"github.com/google/go-cmp":         nil,
		"github.com/rogpeppe/go-internal/": nil,
		"pgregory.net/rapid":               nil,
		"go.uber.org/goleak":               nil,
		"testing":                          nil,
	}
}

// source is one Go file that goes into a program, tests and generators excluded.
type source struct {
	pkg  string // folder below the root: validate, cmd/gsbatch
	name string // path below the root
	file *ast.File
	set  *token.FileSet
}

func (s source) place(n ast.Node) string {
	p := s.set.Position(n.Pos())
	return s.name + ":" + strconv.Itoa(p.Line)
}

func TestImports(t *testing.T) {
	packages, libraries := designs(), homes()
	for _, s := range sources(t) {
		d, known := packages[s.pkg]
		if !known {
			t.Errorf("%s: package %s is not in the design; add it there and here, or leave it out", s.name, s.pkg)
			continue
		}
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !slices.Contains(d.imports, everything) && !slices.Contains(d.imports, ours) {
					t.Errorf("%s: %s must not import %s", s.place(spec), s.pkg, ours)
				}
			}
			for library, allowed := range libraries {
				if strings.HasPrefix(imported+"/", strings.TrimSuffix(library, "/")+"/") && !slices.Contains(allowed, s.pkg) {
					t.Errorf("%s: %s is at home in %q, not in %s", s.place(spec), imported, allowed, s.pkg)
				}
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	for _, s := range sources(t) {
		comments[s.pkg] = append(comments[s.pkg], firstSentence(s.file.Doc.Text())...)
	}
	packages := designs()
	for pkg, got := range comments {
		if want := []string{packages[pkg].sentence}; !slices.Equal(got, want) {
			t.Errorf("package %s: the comment begins %q\nwant %q, in one file", pkg, got, want)
		}
	}
}

// firstSentence returns the first sentence of a comment, or nothing.
func firstSentence(comment string) []string {
	text := strings.Join(strings.Fields(comment), " ")
	if text == "" {
		return nil
	}
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i+1]
	}
	return []string{text}
}

// TestManners holds that nothing below cmd prints or exits, that cmd exits in
// main alone, and that nothing runs before main.
func TestManners(t *testing.T) {
	for _, s := range sources(t) {
		below := !strings.HasPrefix(s.pkg, "cmd/")
		for _, decl := range s.file.Decls {
			f, isFunc := decl.(*ast.FuncDecl)
			if isFunc && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: no init functions", s.place(f))
			}
			inMain := isFunc && f.Name.Name == "main" && !below
			ast.Inspect(decl, func(n ast.Node) bool {
				if what := rude(s.file, n, below); what != "" && (what != "os.Exit" || !inMain) {
					t.Errorf("%s: no %s here", s.place(n), what)
				}
				return true
			})
		}
	}
}

// rude returns the name of what n uses and should not, or "".
func rude(file *ast.File, n ast.Node, below bool) string {
	switch n := n.(type) {
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && below && (id.Name == "print" || id.Name == "println") {
			return id.Name
		}
	case *ast.SelectorExpr:
		id, ok := n.X.(*ast.Ident)
		if !ok {
			return ""
		}
		name := importOf(file, id.Name) + "." + n.Sel.Name
		switch name {
		case "os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln":
			return name
		case "fmt.Print", "fmt.Printf", "fmt.Println", "os.Stdout", "os.Stderr", "os.Stdin", "log.Print", "log.Printf", "log.Println":
			if below {
				return name
			}
		}
	}
	return ""
}

// importOf returns the path that a file imports under name, or "".
func importOf(file *ast.File, name string) string {
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && path.Base(imported) == name {
			return imported
		}
	}
	return ""
}

// sources parses every file below the folders of the module. The root has none
// of its own.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return enter(name, entry.Name())
		case filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || !strings.ContainsRune(name, filepath.Separator):
			return nil
		}
		if excluded, err := isExcluded(name); excluded || err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(filepath.Dir(name)), filepath.ToSlash(name), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files found below the root")
	}
	return all
}

// enter keeps out of folders that the go command ignores, and of what is built.
func enter(name, base string) error {
	if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "bin") {
		return filepath.SkipDir
	}
	return nil
}

// isExcluded reports whether a file is a program of its own, as a generator is:
// //go:build ignore.
func isExcluded(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "package ") {
		if !constraint.IsGoBuild(lines.Text()) {
			continue
		}
		if expr, err := constraint.Parse(lines.Text()); err == nil && expr.String() == "ignore" {
			return true, nil
		}
	}
	return false, lines.Err()
}
