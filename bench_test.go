package gsbatch_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// figure is one line of the table of speed: what was measured, what is to be
// reached, what came out, and whether that is enough.
type figure struct {
	id, what, target, got string
	met                   bool
}

// bench is what the lines of the benchmark share.
type bench struct {
	dir    string // of inputs and runs
	binary string // gsbatch, as make build makes it
	self   string // this test binary, for contenders
	peers  string // folder of the peers that are installed; "" without them
	rows   int    // of the largest input
	rounds int
	runs   int
	server *benchServer
	table  []figure
}

// benchRows is the size that the targets are meant for.
const benchRows = 1_000_000

// benchKey is the access key of the emulated tenant.
const benchKey = "emulator"

// TestBench prints every promise of speed with its target, what was measured
// and a verdict: make bench. BENCH.md explains the lines. It never fails for a
// figure. GSBATCH_BENCH_ROWS and GSBATCH_BENCH_ROUNDS make it smaller,
// GSBATCH_BENCH_ONLY="P1 P6" takes some lines; the whole one at full size
// writes its table into BENCH.md.
func TestBench(t *testing.T) {
	if os.Getenv("GSBATCH_BENCH") == "" {
		t.Skip("make bench runs this")
	}
	b := newBench(t)
	only := strings.Fields(os.Getenv("GSBATCH_BENCH_ONLY"))
	for _, line := range []struct {
		id      string
		measure func(*bench, *testing.T)
	}{
		{"P1", (*bench).importEndToEnd}, {"P2", (*bench).validateCSV}, {"P3", (*bench).validateWorkbooks}, {"P4", (*bench).write},
		{"P5", (*bench).quota}, {"P6", (*bench).plan}, {"P7", (*bench).resume}, {"P8", (*bench).growth}, {"P10", (*bench).start}, {"P11", (*bench).diff},
	} {
		if len(only) == 0 || slices.Contains(only, line.id) || line.id == "P8" && slices.Contains(only, "P9") {
			t.Logf("== %s", line.id)
			from := len(b.table)
			line.measure(b, t)
			for _, f := range b.table[from:] {
				t.Logf("%s | %s | %s | %s | met: %t", f.id, f.what, f.target, f.got, f.met)
			}
			b.sweep(t)
		}
	}
	table := b.markdown()
	fmt.Print(table)
	if b.rows == benchRows && len(only) == 0 {
		intoBenchMD(t, table)
	}
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{rows: benchRows, rounds: 3, peers: os.Getenv("GSBATCH_BENCH_PEERS")}
	for name, value := range map[string]*int{"GSBATCH_BENCH_ROWS": &b.rows, "GSBATCH_BENCH_ROUNDS": &b.rounds} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				t.Fatalf("%s=%s is no number of rows or rounds", name, text)
			}
			*value = n
		}
	}
	// Tests of the same name reuse no folder, so that a disk is as it is in use.
	b.dir = t.TempDir()
	b.binary = filepath.Join(b.dir, "gsbatch")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary, "./cmd/gsbatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if b.peers != "" {
		if b.peers, err = filepath.Abs(b.peers); err != nil {
			t.Fatal(err)
		}
	}
	b.server = startBenchServer(t, "127.0.0.1:0")
	return b
}

// add adds a line to the table.
func (b *bench) add(id, what, target string, met bool, got string, args ...any) {
	b.table = append(b.table, figure{id, what, target, fmt.Sprintf(got, args...), met})
}

// note adds a line that has no target.
func (b *bench) note(id, what, got string, args ...any) {
	b.table = append(b.table, figure{id: id, what: what, got: fmt.Sprintf(got, args...)})
}

// markdown is the table as BENCH.md has it.
func (b *bench) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %d cores; %s rows, medians of %d interleaved runs; load average %s\n\n", runtime.Version(), runtime.NumCPU(), thousands(b.rows), b.rounds, load())
	text.WriteString("| # | what | target | measured | verdict |\n|---|---|---|---|---|\n")
	for _, f := range b.table {
		verdict := "missed"
		if f.met {
			verdict = "met"
		}
		if f.target == "" {
			verdict = ""
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", f.id, f.what, cmp.Or(f.target, "—"), f.got, verdict)
	}
	return text.String()
}

// load is how busy the machine was in the last fifteen minutes, the benchmark
// included: above the number of cores, others had a part in it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 2 {
		return fields[2]
	}
	return "unknown"
}

// thousands writes a number as people read it.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// intoBenchMD replaces the table in BENCH.md.
func intoBenchMD(t *testing.T, table string) {
	t.Helper()
	const from, to = "<!-- make bench -->\n", "<!-- end -->"
	text, err := os.ReadFile("BENCH.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), from)
	_, tail, closed := strings.Cut(rest, to)
	if !found || !closed {
		t.Fatal("BENCH.md has no place for the table")
	}
	if err := os.WriteFile("BENCH.md", []byte(head+from+"\n"+table+"\n"+to+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
