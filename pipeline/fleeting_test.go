package pipeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFleetingRows wants a plan to keep nothing of the memory that rows are
// read into: it is that of rows whose texts last.
func TestFleetingRows(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	rng := rand.New(rand.NewPCG(11, 12))
	rows := 0
	for i := range 12 {
		path := filepath.Join(t.TempDir(), "a.csv")
		writeHostile(t, rng, path, 300)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var planned [2][]string
		for n, lasting := range []bool{true, false} {
			o := planOptions{id: fmt.Sprintf("r%d-%d", i, n), skipInvalid: true, lasting: lasting, record: 4000} // so are the blocks that take each other's memory
			p, err := s.tryPlan(d, string(text), o)
			if err != nil {
				planned[n] = []string{err.Error()}
				continue
			}
			planned[n] = storedOf(t, p)
			s.closeRun(p.Run)
		}
		if diff := cmp.Diff(planned[0], planned[1]); diff != "" {
			t.Fatalf("file %d, of lasting (-) and of fleeting rows (+):\n%s", i, diff)
		}
		rows += len(planned[0])
	}
	if t.Logf("%d rows", rows); rows < 300 {
		t.Error("the files are too bad to tell anything")
	}
}

// storedOf is all that a plan has of its rows.
func storedOf(t *testing.T, p *Planned) (stored []string) {
	t.Helper()
	for line, err := range p.Run.Lines(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		problems, err := p.Run.Problems(t.Context(), line.Seq)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, fmt.Sprintf("%d %d %q %s %+v %+v", line.Seq, line.Line, line.Cells, line.Action, line.Fate, problems))
	}
	for op, err := range p.Run.PendingOps(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, fmt.Sprintf("%+v", op))
	}
	return append(stored, fmt.Sprintf("%+v", p.Groups.All()))
}
