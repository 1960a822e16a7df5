package gsbatch_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is one small fault that can be switched on in a program, and, where it
// is a condition, a branch whose two ways are counted.
type mutant struct {
	place string // gainsight/judge.go:85
	what  string // == is not
	ways  int    // that it can be met in: a condition is met as true and as false
}

// mutator writes all mutants of some files into copies of these: each stands
// there beside the true code, and a variable of the environment says which one
// is in force. So one build serves all mutants.
//
// It knows conditions turned round, bounds off by one, && for ||, arithmetic
// the wrong way round, labels of a switch that no value has, steps left out,
// and true for false. Locks, defers, texts and constants are left as they are.
type mutator struct {
	mutants []mutant
	set     *token.FileSet
	info    *types.Info
	pkg     *types.Package

	// Of the file under way:
	name   string
	source []byte
	edits  map[int]*edit // by offset
	marks  map[ast.Node]kind
}

// kind says in which ways a part of the source is to be mutated.
type kind uint8

const (
	turned kind = 1 << iota // a condition
	step                    // a statement that can be left out
	label                   // of a case
)

// edit is what happens at one offset of a file.
type edit struct {
	ends    string // of what is before it
	instead string // of the next bytes
	skip    int    // so many
	begins  string // of what is behind it
}

// runtimeOf is the code that the copies call.
func runtimeOf(pkg string) string {
	return `package ` + pkg + `

import (
	"fmt"
	"os"
	"sync"
)

var (
	mutantOn   = os.Getenv("GSBATCH_MUTANT")
	mutantFile = os.Getenv("GSBATCH_MUTANT_TRACE")
	mutantSeen sync.Map
)

func mutOn(id string, way int) bool {
	if mutantFile != "" {
		told := fmt.Sprintf("%s %d\n", id, way)
		if _, seen := mutantSeen.LoadOrStore(told, true); !seen {
			if f, err := os.OpenFile(mutantFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
				f.WriteString(told)
				f.Close()
			}
		}
	}
	return mutantOn == id
}

func mutWay(b bool) int {
	if b {
		return 1
	}
	return 0
}

func mutFlip(id string, b bool) bool { return b != mutOn(id, mutWay(b)) }

func mutBound(id string, b bool, equal func() bool) bool {
	if mutOn(id, 1) && equal() {
		return !b
	}
	return b
}

func mutAnd(id string, a bool, b func() bool) bool {
	if mutOn(id, 1) {
		return a || b()
	}
	return a && b()
}

func mutOr(id string, a bool, b func() bool) bool {
	if mutOn(id, 1) {
		return a && b()
	}
	return a || b()
}

func mutKeep(id string) bool { return !mutOn(id, 1) }

func mutLabel[T comparable](id string, label T) T {
	var none T
	if mutOn(id, 1) {
		return none
	}
	return label
}

type mutNumber interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

func mutPlus[T mutNumber](id string, a, b T) T {
	if mutOn(id, 1) {
		return a - b
	}
	return a + b
}

func mutMinus[T mutNumber](id string, a, b T) T {
	if mutOn(id, 1) {
		return a + b
	}
	return a - b
}

func mutTimes[T mutNumber](id string, a, b T) T {
	if mutOn(id, 1) {
		return a / b
	}
	return a * b
}

func mutOver[T mutNumber](id string, a, b T) T {
	if mutOn(id, 1) {
		return a * b
	}
	return a / b
}
`
}

// mutate writes copies of a package's files with their mutants into dir, and
// enters them into overlay, by the path of the file that each stands for.
func (m *mutator) mutate(t *testing.T, folder, dir string, files []string, overlay map[string]string) {
	t.Helper()
	m.set = token.NewFileSet()
	parsed := m.check(t, folder)
	root, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file := parsed[name]
		if file == nil {
			t.Fatalf("there is no %s/%s", folder, name)
		}
		if m.source, err = os.ReadFile(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		m.name, m.edits, m.marks = folder+"/"+name, map[int]*edit{}, map[ast.Node]kind{}
		m.walk(file)
		to := filepath.Join(dir, strings.ReplaceAll(folder, "/", "_")+"_"+name)
		if err := os.WriteFile(to, m.edited(), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(root, name)] = to
	}
	to := filepath.Join(dir, folder+"_runtime.go")
	if err := os.WriteFile(to, []byte(runtimeOf(m.pkg.Name())), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay[filepath.Join(root, "mutants_runtime.go")] = to
}

// check parses a package and finds out the types of its expressions.
func (m *mutator) check(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	list := func(args ...string) []string {
		out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	exports := map[string]string{}
	for _, line := range list("-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./"+folder) {
		path, file, _ := strings.Cut(line, " ")
		exports[path] = file
	}
	parsed := map[string]*ast.File{}
	var files []*ast.File
	for _, name := range list("-f", `{{join .GoFiles "\n"}}`, "./"+folder) {
		file, err := parser.ParseFile(m.set, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed[name], files = file, append(files, file)
	}
	m.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer.ForCompiler(m.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	pkg, err := config.Check("gsbatch/"+folder, m.set, files, m.info)
	if err != nil {
		t.Fatal(err)
	}
	m.pkg = pkg
	return parsed
}

// walk finds the mutants of one file.
func (m *mutator) walk(file *ast.File) {
	var leave []func()
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			leave[len(leave)-1]()
			leave = leave[:len(leave)-1]
			return true
		}
		if decl, ok := n.(*ast.GenDecl); ok && decl.Tok == token.CONST {
			return false
		}
		m.foresee(n)
		leave = append(leave, m.enter(n))
		return true
	})
}

// foresee marks the parts of a node that are to be mutated when their turn comes.
func (m *mutator) foresee(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.condition(n.Cond)
	case *ast.ForStmt:
		m.condition(n.Cond)
	case *ast.ReturnStmt:
		for _, result := range n.Results {
			m.condition(result)
		}
	case *ast.SwitchStmt:
		for _, clause := range n.Body.List {
			for _, e := range clause.(*ast.CaseClause).List {
				if n.Tag == nil {
					m.condition(e)
				} else {
					m.marks[e] |= label
				}
			}
		}
	case *ast.BlockStmt:
		m.steps(n.List)
	case *ast.CaseClause:
		m.steps(n.Body)
	case *ast.CommClause:
		m.steps(n.Body)
	case *ast.BinaryExpr:
		switch n.Op {
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ, token.LAND, token.LOR:
			m.condition(n)
		}
	}
}

// condition marks the parts of a boolean expression that are to be turned round.
func (m *mutator) condition(e ast.Expr) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		m.condition(e.X)
		return
	case *ast.UnaryExpr:
		m.condition(e.X)
		return
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			m.condition(e.X)
			m.condition(e.Y)
			return
		}
	case nil:
		return
	}
	if basic, ok := m.info.TypeOf(e).(*types.Basic); ok && basic.Info()&types.IsBoolean != 0 {
		m.marks[e] |= turned
	}
}

// steps marks the statements that can be left out.
func (m *mutator) steps(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			text := m.text(s)
			if strings.HasSuffix(text, "Lock()") || strings.HasPrefix(text, "panic(") {
				continue // a race, which no test can be relied on to see; the end of a function
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt:
		case *ast.BranchStmt:
			if s.Tok != token.CONTINUE {
				continue
			}
		default:
			continue
		}
		m.marks[s] |= step
	}
}

// enter begins the mutants of one node; what it returns ends them.
func (m *mutator) enter(n ast.Node) func() {
	var ends string
	wrap := func(what, call string, ways int, end string) {
		id := m.add(n, what, ways)
		m.at(n.Pos()).begins += fmt.Sprintf(call, id)
		ends = end + ends
	}
	if m.marks[n]&step != 0 {
		if inc, ok := n.(*ast.IncDecStmt); ok {
			other := map[token.Token]string{token.INC: "--", token.DEC: "++"}[inc.Tok]
			wrap("counts the other way", "if mutKeep(%q) { ", 1, " } else { "+m.text(inc.X)+other+" }")
		} else {
			wrap("is left out", "if mutKeep(%q) { ", 1, " }")
		}
	}
	if m.marks[n]&turned != 0 {
		ways := 2
		if m.info.Types[n.(ast.Expr)].Value != nil {
			ways = 1 // true or false itself
		}
		wrap("is turned round", "mutFlip(%q, ", ways, ")")
	}
	if m.marks[n]&label != 0 {
		m.label(n.(ast.Expr), wrap)
	}
	if n, ok := n.(*ast.BinaryExpr); ok && m.info.Types[n].Value == nil {
		m.binary(n, wrap)
	}
	return func() { m.at(n.End()).ends += ends }
}

// binary begins the mutants of an expression of two operands.
func (m *mutator) binary(n *ast.BinaryExpr, wrap func(what, call string, ways int, end string)) {
	numbers := func() bool {
		basic, ok := m.info.TypeOf(n.X).Underlying().(*types.Basic)
		return ok && basic.Info()&(types.IsInteger|types.IsFloat) != 0
	}
	other := map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
		token.LAND: "||", token.LOR: "&&", token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*"}[n.Op]
	call := map[token.Token]string{token.LAND: "mutAnd", token.LOR: "mutOr",
		token.ADD: "mutPlus", token.SUB: "mutMinus", token.MUL: "mutTimes", token.QUO: "mutOver"}[n.Op]
	instead, end := ", ", ")"
	switch n.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		wrap(n.Op.String()+" is "+other, "mutBound(%q, ", 1, ", func() bool { return "+m.text(n.X)+" == "+m.text(n.Y)+" })")
		return
	case token.LAND, token.LOR:
		instead, end = ", func() bool { return (", ") })"
	case token.ADD, token.SUB, token.MUL, token.QUO:
		if !numbers() {
			return
		}
	default:
		return
	}
	wrap(n.Op.String()+" is "+other, call+"(%q, ", 1, end)
	at := m.at(n.OpPos)
	at.instead, at.skip = instead, len(n.Op.String())
}

// label begins the mutant of a label: a value that is none.
func (m *mutator) label(e ast.Expr, wrap func(what, call string, ways int, end string)) {
	value, kind := m.info.Types[e], m.info.TypeOf(e)
	none := value.Value == nil || value.Value.String() == "0" || value.Value.String() == `""`
	if _, basic := kind.Underlying().(*types.Basic); none || !basic {
		return
	}
	name := types.TypeString(kind, func(p *types.Package) string {
		if p == m.pkg {
			return ""
		}
		return p.Name()
	})
	wrap("matches nothing", "mutLabel["+name+"](%q, ", 1, ")")
}

// add enters a mutant and gives its id.
func (m *mutator) add(n ast.Node, what string, ways int) string {
	text, _, _ := strings.Cut(m.text(n), "\n")
	m.mutants = append(m.mutants, mutant{fmt.Sprintf("%s:%d", m.name, m.set.Position(n.Pos()).Line), text + ": " + what, ways})
	return fmt.Sprint(len(m.mutants) - 1)
}

// text is the source of a node.
func (m *mutator) text(n ast.Node) string {
	return string(m.source[m.offset(n.Pos()):m.offset(n.End())])
}

func (m *mutator) offset(p token.Pos) int { return m.set.Position(p).Offset }

func (m *mutator) at(p token.Pos) *edit {
	offset := m.offset(p)
	if m.edits[offset] == nil {
		m.edits[offset] = &edit{}
	}
	return m.edits[offset]
}

// edited is the file with its mutants.
func (m *mutator) edited() []byte {
	var out []byte
	from := 0
	for _, offset := range slices.Sorted(maps.Keys(m.edits)) {
		e := m.edits[offset]
		out = append(out, m.source[from:offset]...)
		out = append(out, e.ends+e.instead+e.begins...)
		from = offset + e.skip
	}
	return append(out, m.source[from:]...)
}
