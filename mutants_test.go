package gsbatch_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// part is a part of the program whose tests are themselves put to the test:
// its files by package, and the packages whose tests it is left to.
type part struct {
	name   string
	files  map[string]string
	judges []string
}

func parts() []part {
	return []part{
		{"classifier", map[string]string{"gainsight": "judge.go verdict.go envelope.go"}, []string{"gainsight"}},
		{"state machine", map[string]string{
			"checkpoint": "journal.go fold.go event.go status.go doubts.go",
			"pipeline":   "apply.go row.go keys.go settle.go proof.go candidates.go fence.go readback.go decide.go stop.go breaker.go",
		}, []string{"checkpoint", "pipeline"}},
	}
}

// leastScore is how many percent of the mutants the tests have to notice.
const leastScore = 85

// TestMutants puts small faults into the classifier and the state machine, one
// at a time, and counts those that the short tests beside them notice, and the
// branches that these tests take. It takes many minutes, and is done when
// GSBATCH_MUTANTS says all, or names a part, a package, files or lines of files
// (make mutants). Every fault that nobody noticed is told.
func TestMutants(t *testing.T) {
	wanted := os.Getenv("GSBATCH_MUTANTS")
	if wanted == "" {
		t.Skip("takes minutes; GSBATCH_MUTANTS=all does it")
	}
	for _, p := range parts() {
		t.Run(strings.ReplaceAll(p.name, " ", "-"), func(t *testing.T) {
			trial := newTrial(t, p, wanted)
			if len(trial.mutants) == 0 {
				t.Skip("not asked for")
			}
			trial.trace(t)
			t.Logf("%s: %d mutants", p.name, len(trial.mutants))
			trial.run(t)
			trial.tell(t, p, wanted)
		})
	}
}

// trial is one part with its mutants and what its tests say of each.
type trial struct {
	mutator
	binaries []string // of the tests, with their packages' folders
	folders  []string
	lines    []string          // the mutants of these alone are tried; none: all are
	covers   map[int][]example // the tests that reach a mutant
	ways     map[int]int       // in which it was met

	mu       sync.Mutex
	keen     map[keenness]int // how many mutants each test noticed
	lived    []int
	endless  []int // noticed because a test never ended
	controls int   // runs without a fault
	misled   int   // of those, that failed
}

// example is one test of a package.
type example struct {
	binary int
	name   string
	took   time.Duration
}

// keenness is what a test is known for: the mutants of a file that it noticed.
type keenness struct{ test, file string }

// newTrial builds the tests of a part with its mutants.
func newTrial(t *testing.T, p part, wanted string) *trial {
	t.Helper()
	trial := &trial{covers: map[int][]example{}, ways: map[int]int{}, keen: map[keenness]int{}}
	words := strings.Fields(wanted)
	dir, overlay := t.TempDir(), map[string]string{}
	for _, folder := range slices.Sorted(maps.Keys(p.files)) {
		files := slices.DeleteFunc(strings.Fields(p.files[folder]), func(name string) bool {
			return wanted != "all" && wanted != p.name && !slices.Contains(words, folder) && !strings.Contains(wanted, folder+"/"+name)
		})
		if len(files) > 0 {
			trial.mutate(t, folder, dir, files, overlay)
		}
	}
	if len(trial.mutants) == 0 {
		return trial
	}
	trial.lines = slices.DeleteFunc(words, func(word string) bool { return !strings.Contains(word, ":") })
	text, err := json.Marshal(map[string]map[string]string{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	replace := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(replace, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, pkg := range p.judges {
		binary := filepath.Join(dir, pkg+".test")
		if out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", replace, "-o", binary, "./"+pkg).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		trial.binaries, trial.folders = append(trial.binaries, binary), append(trial.folders, pkg)
	}
	return trial
}

// sideBySide does something with 0 to n-1, some at a time: tests wait for the
// disk and for time now and then.
func sideBySide(n int, do func(int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) + 1 {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// judge runs tests of one of the binaries, and ends it once one has failed: its
// name is given where it is told. The tests' files go with it, those of tests
// that were killed too.
func (trial *trial) judge(t *testing.T, binary int, tests []string, env string, limit time.Duration) (failed string, said []byte, err error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, errEndless)
	defer cancel()
	cmd := exec.CommandContext(ctx, trial.binaries[binary], "-test.short", "-test.failfast", "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$")
	cmd.Dir = trial.folders[binary]
	cmd.Env = append(os.Environ(), env, "TMPDIR="+dir, "RAPID_NOFAILFILE=true") // what fails by a fault is no case to keep
	cmd.WaitDelay = time.Second
	heard := &heard{end: cancel}
	cmd.Stdout, cmd.Stderr = heard, heard
	if err = cmd.Run(); err != nil && errors.Is(context.Cause(ctx), errEndless) {
		err = errEndless
	}
	return heard.failed, heard.text, err
}

// errEndless is that tests did not end.
var errEndless = errors.New("the tests do not end")

// heard is what tests say until one of them fails.
type heard struct {
	text   []byte
	seen   int // of it, whole lines
	failed string
	end    func()
}

func (h *heard) Write(p []byte) (int, error) {
	h.text = append(h.text, p...)
	for {
		line, _, whole := bytes.Cut(h.text[h.seen:], []byte("\n"))
		if !whole {
			return len(p), nil
		}
		h.seen += len(line) + 1
		if rest, failed := bytes.CutPrefix(bytes.TrimSpace(line), []byte("--- FAIL: ")); failed && h.failed == "" {
			name, _, _ := strings.Cut(string(rest), " ")
			h.failed, _, _ = strings.Cut(name, "/")
			h.end()
		}
	}
}

// trace runs each test alone, without a fault, to learn what it reaches.
func (trial *trial) trace(t *testing.T) {
	t.Helper()
	var all []example
	for i, binary := range trial.binaries {
		list, err := exec.Command(binary, "-test.list", "^Test").Output()
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(string(list)) {
			if name != "ok" && name != "PASS" {
				all = append(all, example{binary: i, name: name})
			}
		}
	}
	dir := t.TempDir()
	sideBySide(len(all), func(i int) {
		e, file := all[i], filepath.Join(dir, strconv.Itoa(i))
		began := time.Now()
		if _, said, err := trial.judge(t, e.binary, []string{e.name}, "GSBATCH_MUTANT_TRACE="+file, 10*time.Minute); err != nil {
			t.Errorf("%s fails without a fault: %v\n%s", e.name, err, said)
			return
		}
		e.took = time.Since(began)
		trial.mu.Lock()
		defer trial.mu.Unlock()
		trial.reached(t, file, e)
	})
	if t.Failed() {
		t.FailNow()
	}
}

func (trial *trial) reached(t *testing.T, file string, by example) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		return // nothing
	}
	for line := range strings.Lines(string(text)) {
		var id, way int
		if _, err := fmt.Sscan(line, &id, &way); err != nil {
			t.Error(err)
			return
		}
		trial.ways[id] |= 1 << way
		if !slices.Contains(trial.covers[id], by) {
			trial.covers[id] = append(trial.covers[id], by)
		}
	}
}

// run tries each mutant on the tests that reach it.
func (trial *trial) run(t *testing.T) {
	t.Helper()
	sideBySide(len(trial.mutants), func(id int) {
		if trial.asked(id) {
			trial.try(t, id)
		}
	})
}

// asked says whether a mutant is to be tried.
func (trial *trial) asked(id int) bool {
	return len(trial.lines) == 0 || slices.Contains(trial.lines, trial.mutants[id].place)
}

// controlled is of how many mutants one is run without its fault too: a test
// that fails then would notice anything.
const controlled = 10

// try asks the tests that reach a mutant, group by group, until one fails or
// does not end with the mutant in force.
func (trial *trial) try(t *testing.T, id int) {
	t.Helper()
	for _, group := range trial.groups(id) {
		for i := range trial.binaries {
			var names []string
			limit := 10 * time.Second
			for _, e := range group {
				if e.binary == i {
					names, limit = append(names, e.name), limit+5*e.took
				}
			}
			if len(names) == 0 {
				continue
			}
			if id%controlled == 0 {
				trial.control(t, i, names, limit)
			}
			by, _, err := trial.judge(t, i, names, "GSBATCH_MUTANT="+strconv.Itoa(id), limit)
			if err == nil {
				continue
			}
			trial.mu.Lock()
			defer trial.mu.Unlock()
			trial.keen[keenness{by, trial.file(id)}]++
			if errors.Is(err, errEndless) {
				trial.endless = append(trial.endless, id)
			}
			return
		}
	}
	trial.mu.Lock()
	defer trial.mu.Unlock()
	trial.lived = append(trial.lived, id)
	t.Log(trial.describe(id)) // at once: the rest takes long
}

// control runs tests without a fault.
func (trial *trial) control(t *testing.T, binary int, tests []string, limit time.Duration) {
	t.Helper()
	by, said, err := trial.judge(t, binary, tests, "GSBATCH_MUTANT=", limit)
	trial.mu.Lock()
	defer trial.mu.Unlock()
	if trial.controls++; err != nil {
		trial.misled++
		t.Logf("without a fault: %s: %v\n%s", by, err, said)
	}
}

// groups are the tests that reach a mutant in the order in which they are
// asked: first those that take little time for what they have noticed in the
// same file, the first for a moment only, and then ever more.
func (trial *trial) groups(id int) (all [][]example) {
	trial.mu.Lock()
	defer trial.mu.Unlock()
	tests := slices.Clone(trial.covers[id])
	cost := func(e example) float64 {
		return e.took.Seconds() / float64(1+trial.keen[keenness{e.name, trial.file(id)}])
	}
	slices.SortFunc(tests, func(a, b example) int { return cmp.Compare(cost(a), cost(b)) })
	most := 500 * time.Millisecond
	var took time.Duration
	var group []example
	for _, e := range tests {
		if len(group) > 0 && took+e.took > most {
			all, group = append(all, group), nil
			took, most = 0, 3*most
		}
		group, took = append(group, e), took+e.took
	}
	if len(group) > 0 {
		all = append(all, group)
	}
	return all
}

// file is that of a mutant.
func (trial *trial) file(id int) string {
	file, _, _ := strings.Cut(trial.mutants[id].place, ":")
	return file
}

// describe says what a mutant is, and how far tests come.
func (trial *trial) describe(id int) string {
	text := trial.mutants[id].place + ": " + trial.mutants[id].what
	if trial.covers[id] == nil {
		text += " (no test comes there)"
	}
	return text
}

// score is what the tests noticed of some mutants, and which branches they took.
type score struct{ mutants, lived, endless, unreached, branches, taken int }

func (s score) String() string {
	return fmt.Sprintf("%d of %d branches covered (%.1f %%), %d of %d mutants noticed: mutation score %.1f %% (%d by a test that never ended; of the others %d where no test comes)",
		s.taken, s.branches, 100*float64(s.taken)/float64(max(s.branches, 1)), s.mutants-s.lived, s.mutants, s.percent(), s.endless, s.unreached)
}

func (s score) percent() float64 {
	return 100 * float64(s.mutants-s.lived) / float64(max(s.mutants, 1))
}

// score adds up the mutants that are wanted.
func (trial *trial) score(wanted func(id int) bool) (s score) {
	for id, m := range trial.mutants {
		if !wanted(id) || !trial.asked(id) {
			continue
		}
		s.mutants++
		if m.ways == 2 {
			s.branches += 2
			s.taken += trial.ways[id]&1 + trial.ways[id]>>1
		}
		if slices.Contains(trial.endless, id) {
			s.endless++
		}
		if slices.Contains(trial.lived, id) {
			s.lived++
			if trial.covers[id] == nil {
				s.unreached++
			}
		}
	}
	return s
}

// tell prints what came of it; every mutant that lived was told before.
func (trial *trial) tell(t *testing.T, p part, wanted string) {
	t.Helper()
	var files []string
	for id, m := range trial.mutants {
		if missed := 3 &^ trial.ways[id]; m.ways == 2 && missed > 0 && trial.asked(id) {
			t.Logf("%s: %s: %s", m.place, strings.TrimSuffix(m.what, ": is turned round"), [...]string{1: "never false", 2: "never true", 3: "no test comes there"}[missed])
		}
		if !slices.Contains(files, trial.file(id)) {
			files = append(files, trial.file(id))
		}
	}
	for _, id := range trial.endless {
		t.Logf("a test never ended: %s", trial.describe(id))
	}
	for _, file := range files {
		t.Logf("%s: %v", file, trial.score(func(id int) bool { return trial.file(id) == file }))
	}
	t.Logf("%d runs without a fault, %d failed", trial.controls, trial.misled)
	all := trial.score(func(int) bool { return true })
	t.Logf("promise R10: %s: %v", p.name, all)
	if all.percent() < leastScore && (wanted == "all" || wanted == p.name) {
		t.Errorf("the mutation score of the %s is %.1f %%, less than %d %%", p.name, all.percent(), leastScore)
	}
}
