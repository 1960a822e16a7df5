package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gsbatch/checkpoint"
)

const header = "Name,Status,Entity Type,Company,Description\n"

// twins is a CSV file of rows of one natural key, with these descriptions.
func twins(descriptions ...string) string {
	text := header
	for _, d := range descriptions {
		text += "twin,New,COMPANY,IBM," + d + "\n"
	}
	return text
}

// twinGoals holds that the tenant has so many goals of that name, that the
// created rows of runs have one each, and that their Gsids differ.
func (s *stage) twinGoals(want int, rows ...row) {
	s.Helper()
	there := s.goals()["twin"]
	if len(there) != want {
		s.Errorf("the tenant has %d goals, want %d", len(there), want)
	}
	claimed := map[string]bool{}
	for _, r := range rows {
		if r.fate.Status != checkpoint.Created {
			continue
		}
		if claimed[r.fate.Gsid] || !slices.ContainsFunc(there, func(g goal) bool { return g.Gsid == r.fate.Gsid }) {
			s.Errorf("row %d has %s, the tenant %v", r.line, r.fate.Gsid, there)
		}
		claimed[r.fate.Gsid] = true
	}
}

// While a row is in doubt no other of its natural key is sent, by as many
// workers as there are rows, and not after a restart either; others are.
func TestDoubtHoldsItsKeyBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=2ms")
	d := s.desk()
	run := s.plan(d, twins("a", "b", "c", "d", "e")+creates(1, 5)[len(header):], planOptions{onDuplicate: DuplicateCreate}).Run
	s.set("faults.on=create,next.drop_after=1")
	s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.expect(run, "created=5 in_doubt=1 pending=4")
	s.closeRun(run)
	run = s.lock(d, "a")
	s.mustApply(d, run, ApplyConfig{Workers: 10})
	rows := s.expect(run, "created=5 in_doubt=1 pending=4")
	if n, _ := s.watch.of("twin"); run.Info().State != checkpoint.Paused || n != 1 {
		t.Errorf("%s, %d calls", run.Info().State, n)
	}
	s.twinGoals(1, rows[:5]...)
	s.truth(rows[5:])
	s.closeRun(run)
	s.leave(d)
}

// The same where all workers have rows of the key in hand when the doubt comes.
func TestDoubtAmongWorkers(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=5ms")
	d := s.desk()
	run := s.plan(d, twins("a", "b", "c", "d", "e", "f", "g", "h"), planOptions{onDuplicate: DuplicateCreate}).Run
	s.watch.onWrite(func(n int) bool { return n != 3 })
	s.mustApply(d, run, ApplyConfig{Workers: 8})
	rows := s.expect(run, "created=2 in_doubt=1 pending=5")
	s.twinGoals(2, rows...)
	s.closeRun(run)
	s.leave(d)
}

// What an earlier run created, by --on-duplicate: when the plan is made, and
// again when it is applied.
func TestCreatedBefore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		on      OnDuplicate
		text    string
		sum     string
		created int // goals, in all
	}{
		{DuplicateError, twins("first"), "unchanged=1", 1},
		{DuplicateError, twins("other"), "invalid=1", 1},
		{DuplicateSkip, twins("first"), "unchanged=1", 1},
		{DuplicateSkip, twins("other"), "skipped=1", 1},
		{DuplicateCreate, twins("first"), "unchanged=1", 1},
		{DuplicateCreate, twins("other"), "created=1", 2},
		{DuplicateCreate, twins("first", "first", "other"), "created=2 unchanged=1", 3},
	} {
		t.Run(fmt.Sprint(test.on, strings.Count(test.text, "\n"), test.sum), func(t *testing.T) {
			s := newStage(t, "")
			d := s.desk()
			first := s.plan(d, twins("first"), planOptions{}).Run
			s.mustApply(d, first, ApplyConfig{})
			rows := s.rows(first)
			s.closeRun(first)
			plan := s.plan(d, test.text, planOptions{id: "b", onDuplicate: test.on})
			if !plan.Counts.Whole() || plan.Creates != plan.Counts.Pending {
				t.Errorf("plan %+v", plan.Findings)
			}
			s.mustApply(d, plan.Run, ApplyConfig{Workers: 1})
			rows = append(rows, s.expect(plan.Run, test.sum)...)
			s.twinGoals(test.created, rows...)
			s.closeRun(plan.Run)
			s.leave(d)
		})
	}
}

// Two plans of the same rows are made before either is applied: the later one
// finds what the first created, as its plan says.
func TestCreatedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		on   OnDuplicate
		text string
		sum  string
	}{
		{DuplicateError, twins("first"), "unchanged=1"},
		{DuplicateError, twins("other"), "stale=1"},
		{DuplicateSkip, twins("other"), "skipped=1"},
		{DuplicateCreate, twins("first"), "unchanged=1"},
		{DuplicateCreate, twins("other"), "created=1"},
		{DuplicateCreate, twins("first", "first"), "created=1 unchanged=1"},
	} {
		t.Run(fmt.Sprint(test.on, test.sum), func(t *testing.T) {
			s := newStage(t, "")
			d := s.desk()
			first := s.plan(d, twins("first"), planOptions{}).Run
			second := s.plan(d, test.text, planOptions{id: "b", onDuplicate: test.on}).Run
			s.closeRun(second)
			s.mustApply(d, first, ApplyConfig{})
			rows := s.rows(first)
			s.closeRun(first)
			second = s.lock(d, "b") // by another process, which knows no flag of the plan
			s.mustApply(d, second, ApplyConfig{Workers: 1})
			rows = append(rows, s.expect(second, test.sum)...)
			s.twinGoals(1+second.Info().Counts.Created, rows...)
			s.closeRun(second)
			s.leave(d)
		})
	}
}

// --again holds for the run, through stops and resumes.
func TestAgainOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	text := creates(1, 6)
	first := s.plan(d, text, planOptions{}).Run
	s.mustApply(d, first, ApplyConfig{})
	s.closeRun(first)
	s.closeRun(s.plan(d, text, planOptions{id: "b", again: true}).Run)
	for _, sum := range []string{"created=3 pending=3", "created=6"} {
		second := s.lock(d, "b")
		calls := int64(d.client.Calls()["goals.create"] + d.client.Calls()["picklists"])
		s.mustApply(d, second, ApplyConfig{Workers: 1, Limits: Limits{Calls: calls + 3}})
		s.expect(second, sum)
		s.closeRun(second)
	}
	for name, goals := range s.goals() {
		if strings.HasPrefix(name, "goal ") && len(goals) != 2 {
			t.Errorf("%s: %d goals, want 2", name, len(goals))
		}
	}
}

// A row in doubt in one run is held back in another, whether it is planned or
// applied after.
func TestDoubtElsewhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	first := s.plan(d, twins("first"), planOptions{}).Run
	s.closeRun(s.plan(d, twins("first"), planOptions{id: "b"}).Run)
	s.watch.onWrite(func(int) bool { return false })
	s.mustApply(d, first, ApplyConfig{})
	s.expect(first, "in_doubt=1")
	s.closeRun(first)
	for _, on := range []OnDuplicate{DuplicateError, DuplicateSkip, DuplicateCreate} {
		late := s.plan(d, twins("other"), planOptions{id: "late-" + string(on), onDuplicate: on})
		if late.Ready || late.Creates != 0 {
			t.Errorf("%s: plan %+v", on, late.Findings)
		}
		s.expect(late.Run, "invalid=1")
		s.closeRun(late.Run)
	}
	second := s.lock(d, "b")
	defer s.closeRun(second)
	s.mustApply(d, second, ApplyConfig{})
	if rows := s.expect(second, "stale=1"); rows[0].fate.Code != "in-doubt-elsewhere" {
		t.Errorf("%+v", rows[0].fate)
	}
	if s.watch.count() != 1 {
		t.Errorf("%d calls", s.watch.count())
	}
}

// Two processes are about to create the same goals at the same time: the one
// that begins later is turned away by name, and finds them created afterwards.
func TestSameGoalsAtATime(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d, e := s.desk(), s.desk()
	first := s.plan(d, creates(1, 20), planOptions{}).Run
	second := s.plan(e, creates(15, 20), planOptions{id: "b"}).Run
	apart := s.plan(e, creates(50, 5), planOptions{id: "c"}).Run
	inFlight, goOn := make(chan struct{}), make(chan struct{})
	s.watch.onWrite(func(n int) bool {
		if n == 1 {
			close(inFlight)
			<-goOn
		}
		return true
	})
	applied := make(chan error, 1)
	go func() {
		_, err := Apply(t.Context(), t.Context(), ApplyConfig{Run: first, Tenant: d.shared, Client: d.client, Gate: d.gate, Workers: 1})
		applied <- err
	}()
	<-inFlight
	_, err := s.apply(t.Context(), e, second, ApplyConfig{})
	var locked *checkpoint.LockedError
	if !errors.As(err, &locked) || locked.Run != "a" || !strings.Contains(err.Error(), "row 2 is the same record as row 16 of run a") {
		t.Errorf("the later run: %v", err)
	}
	s.expect(second, "pending=20")
	if state := second.Info().State; state != checkpoint.Paused {
		t.Errorf("the later run is %s", state)
	}
	s.mustApply(e, apart, ApplyConfig{}) // other goals may go at the same time
	s.truth(s.expect(apart, "created=5"))
	s.closeRun(apart)
	close(goOn)
	if err := <-applied; err != nil {
		t.Error(err)
	}
	s.rows(first)
	s.closeRun(first)
	s.closeRun(second)
	second = s.lock(e, "b")
	s.mustApply(e, second, ApplyConfig{})
	rows := s.rows(second)
	for i, r := range rows {
		if elsewhere := i < 6; elsewhere != (r.fate.Status != checkpoint.Created) {
			t.Errorf("row %d is %s", i+1, r.fate.Status)
		}
	}
	for name, goals := range s.goals() {
		if len(goals) > 1 && strings.HasPrefix(name, "goal ") {
			t.Errorf("%s was created %d times", name, len(goals))
		}
	}
	s.closeRun(second)
	s.leave(d)
	s.leave(e)
}

// Where equal rows are meant, a retried one is not the one that was created.
func TestRetryOfATwin(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	parent := s.plan(d, twins("x", "x", "x"), planOptions{onDuplicate: DuplicateCreate}).Run
	s.set("faults.on=create,next.failure_list=1")
	s.mustApply(d, parent, ApplyConfig{})
	rows := s.expect(parent, "created=2 rejected=1")
	child := s.plan(d, "", planOptions{id: "b", parent: parent, onDuplicate: DuplicateCreate}).Run
	s.mustApply(d, child, ApplyConfig{})
	rows = append(rows, s.expect(child, "created=1")...)
	s.twinGoals(3, rows...)
	s.closeRun(child)
	s.closeRun(parent)
}

// A run that was given up, or never planned to its end, is not applied by one
// who waited for its lock.
func TestRunsThatCannotBeApplied(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 2), planOptions{}).Run
	defer s.closeRun(run)
	for _, state := range []checkpoint.State{checkpoint.Planning, checkpoint.Abandoned} {
		if err := run.SetInfo(t.Context(), func(i *checkpoint.Info) { i.State = state }); err != nil {
			t.Fatal(err)
		}
		_, err := s.apply(t.Context(), d, run, ApplyConfig{})
		var refused *StateError
		if !errors.As(err, &refused) || refused.State != state || run.Info().State != state {
			t.Errorf("%s: %v; the run is %s", state, err, run.Info().State)
		}
	}
	if s.watch.count() != 0 {
		t.Errorf("%d calls", s.watch.count())
	}
}

// Which earlier run of a file counts.
func TestLookBefore(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	look := func(options string) Before {
		t.Helper()
		found, _, err := LookBefore(t.Context(), d.folder, "acme", options, func() (string, error) { return "sha", nil })
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	run := s.plan(d, creates(1, 4), planOptions{}).Run
	defer s.closeRun(run)
	set := func(change func(*checkpoint.Info)) {
		t.Helper()
		if err := run.SetInfo(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	set(func(i *checkpoint.Info) { i.Input.SHA256, i.OptionsHash = "sha", "same" })
	if got := look("same"); got != BeforeNone {
		t.Errorf("planned: %v", got)
	}
	s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Calls: int64(d.client.Calls()["picklists"]) + 2}})
	if a, b := look("same"), look("other"); a != BeforeGoOn || b != BeforeDiffers {
		t.Errorf("paused: %v, %v", a, b)
	}
	s.mustApply(d, run, ApplyConfig{})
	if a, b := look("same"), look("other"); a != BeforeDone || b != BeforeDiffers {
		t.Errorf("finished: %v, %v", a, b)
	}
	set(func(i *checkpoint.Info) { i.Parent = "p" })
	if got := look("same"); got != BeforeNone {
		t.Errorf("a retry: %v", got)
	}
	set(func(i *checkpoint.Info) { i.Parent, i.State = "", checkpoint.Abandoned })
	if got := look("same"); got != BeforeNone {
		t.Errorf("abandoned: %v", got)
	}
}
