package gsbatch_test

import (
	"cmp"
	"context"
	"encoding/json"
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
// branches that these tests take. It takes minutes, and is done when
// GSBATCH_MUTANTS names a part, a file, or all (make mutants). Every fault that
// nobody noticed is told.
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
	covers   map[int][]example // the tests that reach a mutant
	ways     map[int]int       // in which it was met
	lived    []int
	endless  []int // noticed because a test never ended
}

// example is one test of a package.
type example struct {
	binary int
	name   string
	took   time.Duration
}

// newTrial builds the tests of a part with its mutants.
func newTrial(t *testing.T, p part, wanted string) *trial {
	t.Helper()
	trial := &trial{covers: map[int][]example{}, ways: map[int]int{}}
	dir, overlay := t.TempDir(), map[string]string{}
	for _, folder := range slices.Sorted(maps.Keys(p.files)) {
		files := slices.DeleteFunc(strings.Fields(p.files[folder]), func(name string) bool {
			return wanted != "all" && wanted != p.name && !strings.Contains(wanted, folder+"/"+name)
		})
		if len(files) > 0 {
			trial.mutate(t, folder, dir, files, overlay)
		}
	}
	if len(trial.mutants) == 0 {
		return trial
	}
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

// command runs tests of one of the binaries.
func (trial *trial) command(ctx context.Context, binary int, tests, env string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, trial.binaries[binary], "-test.short", "-test.failfast", "-test.run", tests)
	cmd.Dir = trial.folders[binary]
	cmd.Env = append(os.Environ(), env)
	cmd.WaitDelay = time.Second
	return cmd
}

// trace runs each test alone, without a fault, to learn what it reaches.
func (trial *trial) trace(t *testing.T) {
	t.Helper()
	for i, binary := range trial.binaries {
		list, err := exec.Command(binary, "-test.list", "^Test").Output()
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(string(list)) {
			if name == "ok" || name == "PASS" {
				continue
			}
			file := filepath.Join(t.TempDir(), "reached")
			began := time.Now()
			if out, err := trial.command(t.Context(), i, "^"+name+"$", "GSBATCH_MUTANT_TRACE="+file).CombinedOutput(); err != nil {
				t.Fatalf("%s fails without a fault: %v\n%s", name, err, out)
			}
			trial.reached(t, file, example{i, name, time.Since(began)})
		}
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
			t.Fatal(err)
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
	var next atomic.Int64
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for id := int(next.Add(1)) - 1; id < len(trial.mutants); id = int(next.Add(1)) - 1 {
				noticed, ended := trial.noticed(t, id)
				mu.Lock()
				if !ended {
					trial.endless = append(trial.endless, id)
				} else if !noticed {
					trial.lived = append(trial.lived, id)
					t.Log(trial.describe(id)) // at once: the rest takes long
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
}

// noticed says whether some test fails, or does not end, with the mutant in
// force: the quick ones are asked first.
func (trial *trial) noticed(t *testing.T, id int) (noticed, ended bool) {
	for _, group := range groups(trial.covers[id]) {
		for i := range trial.binaries {
			var names []string
			var took time.Duration
			for _, e := range group {
				if e.binary == i {
					names, took = append(names, e.name), took+e.took
				}
			}
			if len(names) == 0 {
				continue
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second+5*took)
			err := trial.command(ctx, i, "^("+strings.Join(names, "|")+")$", "GSBATCH_MUTANT="+strconv.Itoa(id)).Run()
			ended := ctx.Err() == nil
			cancel()
			if err != nil {
				return true, ended
			}
		}
	}
	return false, true
}

// groups are the tests in the order of the time that they take: those that are
// done in some seconds, and then ever more.
func groups(tests []example) (all [][]example) {
	slices.SortFunc(tests, func(a, b example) int { return cmp.Compare(a.took, b.took) })
	most := 2 * time.Second
	var took time.Duration
	var group []example
	for _, e := range tests {
		if group = append(group, e); took+e.took > most {
			all, group = append(all, group), nil
			took, most = 0, 3*most
		} else {
			took += e.took
		}
	}
	if len(group) > 0 {
		all = append(all, group)
	}
	return all
}

// describe says what a mutant is, and how far tests come.
func (trial *trial) describe(id int) string {
	text := trial.mutants[id].place + ": " + trial.mutants[id].what
	if trial.covers[id] == nil {
		text += " (no test comes there)"
	}
	return text
}

// tell prints what came of it; every mutant that lived was told before.
func (trial *trial) tell(t *testing.T, p part, wanted string) {
	t.Helper()
	unreached := 0
	for _, id := range trial.lived {
		if trial.covers[id] == nil {
			unreached++
		}
	}
	branches, taken := 0, 0
	for id, m := range trial.mutants {
		if m.ways != 2 {
			continue
		}
		branches += 2
		taken += trial.ways[id]&1 + trial.ways[id]>>1
		if missed := 3 &^ trial.ways[id]; missed > 0 {
			t.Logf("%s: %s: %s", m.place, strings.TrimSuffix(m.what, ": is turned round"), [...]string{1: "never false", 2: "never true", 3: "no test comes there"}[missed])
		}
	}
	all, killed := len(trial.mutants), len(trial.mutants)-len(trial.lived)
	score := 100 * float64(killed) / float64(all)
	t.Logf("promise R10: %s: %d of %d branches covered (%.1f %%), %d of %d mutants noticed: mutation score %.1f %% (%d by a test that never ended; of the others %d where no test comes)",
		p.name, taken, branches, 100*float64(taken)/float64(branches), killed, all, score, len(trial.endless), unreached)
	if score < leastScore && (wanted == "all" || wanted == p.name) {
		t.Errorf("the mutation score of the %s is %.1f %%, less than %d %%", p.name, score, leastScore)
	}
}
