package checkpoint

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// payload is an operation of that natural key and payload.
func payload(key, hash byte) Op { return Op{Key: [16]byte{key}, Hash: [16]byte{key, hash}} }

// payloads shapes planned rows in order: pairs of key and payload.
func payloads(list ...[2]byte) func(int64) Op {
	return func(seq int64) Op { return payload(list[seq-1][0], list[seq-1][1]) }
}

func openTenant(t *testing.T, folder *Folder) *Tenant {
	t.Helper()
	tenant, err := folder.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tenant.Close(); err != nil {
			t.Error(err)
		}
	})
	return tenant
}

// matches brings the index up to date and asks it.
func matches(t *testing.T, tenant *Tenant, run *Run) []Match {
	t.Helper()
	if err := tenant.IndexCreated(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	found, err := tenant.MatchCreated(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func intent(seq int64) Event { return Event{Kind: Intent, Seq: seq, Attempt: 1} }

func outcomeOf(seq int64, status Status, gsid string) Event {
	return Event{Kind: Outcome, Seq: seq, Attempt: 1, Status: status, Gsid: gsid}
}

// The index knows what live, killed, folded, abandoned and resumed runs
// created, and follows each row to its end.
func TestIndexFollowsOtherRuns(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	same := payloads([2]byte{1, 0}, [2]byte{2, 0}, [2]byte{3, 0}, [2]byte{4, 0}, [2]byte{5, 0})
	other := planRun(t, folder, "other", 5, same)
	mine := planRun(t, folder, "mine", 5, same)
	defer closeRun(t, mine)
	check := func(why string, want ...Match) {
		t.Helper()
		if diff := cmp.Diff(want, matches(t, tenant, mine)); diff != "" {
			t.Errorf("%s: %s", why, diff)
		}
	}
	made := func(seq int64, gsid string) Match {
		return Match{Seq: seq, Line: int(seq) + 1, Same: true, Gsid: gsid, Run: "other", Row: int(seq) + 1}
	}
	check("nothing sent yet")
	journal(t, other, intent(1), intent(2), intent(3))
	check("calls under way in a live run", made(1, ""), made(2, ""), made(3, ""))
	journal(t, other, outcomeOf(1, Created, "G1"), outcomeOf(2, Rejected, ""), outcomeOf(3, Pending, ""))
	check("answered", made(1, "G1"))
	journal(t, other, intent(3), intent(4), outcomeOf(4, InDoubt, ""))
	closeRun(t, other)
	check("killed with a call under way", made(1, "G1"), made(3, ""), made(4, ""))

	other, err = folder.Lock(t.Context(), "other", Holder{})
	if err != nil {
		t.Fatal(err)
	}
	check("folded", made(1, "G1"), made(3, ""), made(4, ""))
	skipped := outcomeOf(4, Skipped, "")
	skipped.Kind, skipped.Was = Settled, InDoubt
	journal(t, other, intent(5), outcomeOf(5, Created, "G5"), skipped)
	if err := other.SetInfo(t.Context(), func(i *Info) { i.State = Abandoned }); err != nil {
		t.Fatal(err)
	}
	closeRun(t, other)
	check("abandoned", made(1, "G1"), made(3, ""), made(4, ""), made(5, "G5"))
	if err := mine.SetFates(t.Context(), map[int64]Fate{1: {Status: Unchanged, Gsid: "G1"}, 3: {Status: Stale}}); err != nil {
		t.Fatal(err)
	}
	check("decided rows ask no more", made(4, ""), made(5, "G5"))
}

// Of several candidates the goal of equal payload wins, then a doubt, since
// nothing may be sent while there is one; goals of equal payload are counted.
func TestMatchPrefersAndCounts(t *testing.T) {
	for _, test := range []struct {
		name  string
		made  [][2]byte // rows of the other run
		fates []Event
		mine  [][2]byte
		want  []Match
	}{
		{"another payload", [][2]byte{{1, 7}}, []Event{outcomeOf(1, Created, "G")}, [][2]byte{{1, 0}},
			[]Match{{Seq: 1, Line: 2, Gsid: "G", Run: "other", Row: 2}}},
		{"the same before a doubt", [][2]byte{{1, 0}, {1, 0}}, []Event{outcomeOf(1, InDoubt, ""), outcomeOf(2, Created, "G")}, [][2]byte{{1, 0}},
			[]Match{{Seq: 1, Line: 2, Same: true, Gsid: "G", Run: "other", Row: 3}}},
		{"a doubt before another payload", [][2]byte{{1, 7}, {1, 8}}, []Event{outcomeOf(1, Created, "G"), outcomeOf(2, InDoubt, "")}, [][2]byte{{1, 0}},
			[]Match{{Seq: 1, Line: 2, Run: "other", Row: 3}}},
		{"one goal for two equal rows", [][2]byte{{1, 0}}, []Event{outcomeOf(1, Created, "G")}, [][2]byte{{1, 0}, {1, 0}},
			[]Match{{Seq: 1, Line: 2, Same: true, Gsid: "G", Run: "other", Row: 2}, {Seq: 2, Line: 3, Gsid: "G", Run: "other", Row: 2}}},
		{"two goals for two equal rows", [][2]byte{{1, 0}, {1, 0}}, []Event{outcomeOf(1, Created, "G"), outcomeOf(2, Created, "H")}, [][2]byte{{1, 0}, {1, 0}},
			[]Match{{Seq: 1, Line: 2, Same: true, Gsid: "G", Run: "other", Row: 2}, {Seq: 2, Line: 3, Same: true, Gsid: "H", Run: "other", Row: 3}}},
		{"a doubt behind the one goal", [][2]byte{{1, 0}, {1, 0}}, []Event{outcomeOf(1, Created, "G"), outcomeOf(2, InDoubt, "")}, [][2]byte{{1, 0}, {1, 0}},
			[]Match{{Seq: 1, Line: 2, Same: true, Gsid: "G", Run: "other", Row: 2}, {Seq: 2, Line: 3, Same: true, Run: "other", Row: 3}}},
		{"another key", [][2]byte{{2, 0}}, []Event{outcomeOf(1, Created, "G")}, [][2]byte{{1, 0}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder, err := Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			tenant := openTenant(t, folder)
			other := planRun(t, folder, "other", len(test.made), payloads(test.made...))
			defer closeRun(t, other)
			journal(t, other, test.fates...)
			mine := planRun(t, folder, "mine", len(test.mine), payloads(test.mine...))
			defer closeRun(t, mine)
			if diff := cmp.Diff(test.want, matches(t, tenant, mine)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A goal that answered for a row when the run was planned does not answer for
// its twin when the run is applied or resumed.
func TestOneGoalAnswersOnce(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	other := planRun(t, folder, "other", 1, payloads([2]byte{1, 0}))
	defer closeRun(t, other)
	journal(t, other, outcomeOf(1, Created, "G"))
	mine := planRun(t, folder, "mine", 2, payloads([2]byte{1, 0}, [2]byte{1, 0}))
	defer closeRun(t, mine)
	first := matches(t, tenant, mine)[0]
	if err := mine.SetFates(t.Context(), map[int64]Fate{first.Seq: {Status: Unchanged, Gsid: first.Gsid}}); err != nil {
		t.Fatal(err)
	}
	want := []Match{{Seq: 2, Line: 3, Gsid: "G", Run: "other", Row: 2}}
	if diff := cmp.Diff(want, matches(t, tenant, mine)); diff != "" {
		t.Error(diff)
	}
}

// Where equal rows are allowed, the rows of a retry are not those that its
// ancestors created; what another retry created is theirs.
func TestRetriedTwin(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	twins := payloads([2]byte{1, 0}, [2]byte{1, 0})
	root := planRun(t, folder, "root", 2, twins)
	defer closeRun(t, root)
	journal(t, root, outcomeOf(1, Created, "G1"), outcomeOf(2, Rejected, ""))
	retry := func(id, parent string) *Run {
		run := planRun(t, folder, id, 1, twins)
		if err := run.SetInfo(t.Context(), func(i *Info) { i.Parent, i.OnDuplicate = parent, "create" }); err != nil {
			t.Fatal(err)
		}
		return run
	}
	child := retry("child", "root")
	defer closeRun(t, child)
	want := []Match{{Seq: 1, Line: 2, Gsid: "G1", Run: "root", Row: 2}}
	if diff := cmp.Diff(want, matches(t, tenant, child)); diff != "" {
		t.Error("first retry:", diff)
	}
	grandchild := retry("grandchild", "child")
	defer closeRun(t, grandchild)
	if diff := cmp.Diff(want, matches(t, tenant, grandchild)); diff != "" {
		t.Error("retry of the retry:", diff)
	}
	journal(t, child, outcomeOf(1, Created, "G2"))
	again := retry("again", "root")
	defer closeRun(t, again)
	want = []Match{{Seq: 1, Line: 2, Same: true, Gsid: "G2", Run: "child", Row: 2}}
	if diff := cmp.Diff(want, matches(t, tenant, again)); diff != "" {
		t.Error("second retry of the root:", diff)
	}
}

// Two processes index one run at a time: the slower one, which has read less of
// the journal, does not undo what the faster one entered.
func TestIndexIsNotSetBack(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	other := planRun(t, folder, "other", 1, payloads([2]byte{1, 0}))
	defer closeRun(t, other)
	mine := planRun(t, folder, "mine", 1, payloads([2]byte{1, 0}))
	defer closeRun(t, mine)
	journal(t, other, intent(1), outcomeOf(1, Pending, ""))
	last, old, err := other.sumUp(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	journal(t, other, intent(1), outcomeOf(1, Created, "G"))
	if err := tenant.IndexCreated(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := tenant.indexFates(t.Context(), other, 0, last, old); err != nil {
		t.Fatal(err)
	}
	found, err := tenant.MatchCreated(t.Context(), mine)
	if err != nil || len(found) != 1 || found[0].Gsid != "G" {
		t.Errorf("the created goal is forgotten: %+v, %v", found, err)
	}
}

// Another tenant's goals are another tenant's.
func TestIndexKeepsTenantsApart(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other := planRun(t, folder, "other", 1, payloads([2]byte{1, 0}))
	defer closeRun(t, other)
	journal(t, other, outcomeOf(1, Created, "G"))
	mine := planRun(t, folder, "mine", 1, payloads([2]byte{1, 0}))
	defer closeRun(t, mine)
	elsewhere, err := folder.Tenant(t.Context(), "globex")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	if found := matches(t, elsewhere, mine); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
}

// Of two runs that begin, the later one sees the earlier, for as long as a
// process holds it.
func TestBeginSeesEarlierLiveRuns(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant, again := openTenant(t, folder), openTenant(t, folder)
	shape := payloads([2]byte{1, 0}, [2]byte{2, 0}, [2]byte{3, 0})
	a := planRun(t, folder, "a", 3, shape)
	b := planRun(t, folder, "b", 3, func(seq int64) Op { return payload(byte(seq)+2, 0) })
	defer closeRun(t, b)
	begin := func(tenant *Tenant, run *Run, want ...string) {
		t.Helper()
		live, err := tenant.Begin(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, live); diff != "" {
			t.Error(diff)
		}
	}
	begin(tenant, a)
	begin(again, b, "a")
	clash, err := tenant.FindClash(t.Context(), b, "a")
	if err != nil {
		t.Fatal(err)
	}
	want := &Clash{Line: 2, Row: 4, Locked: &LockedError{Run: "a", Holder: Holder{PID: 7, Command: "test"}}}
	if diff := cmp.Diff(want, clash); diff != "" {
		t.Error(diff)
	}
	for _, of := range []struct { // the row of a
		status  Status
		clashes bool
	}{{InDoubt, true}, {Parked, false}, {Created, false}, {Pending, true}} {
		if err := a.SetFates(t.Context(), map[int64]Fate{3: {Status: of.status}}); err != nil {
			t.Fatal(err)
		}
		if clash, err := tenant.FindClash(t.Context(), b, "a"); (clash != nil) != of.clashes || err != nil {
			t.Errorf("a row that is %s: %+v, %v", of.status, clash, err)
		}
	}
	if err := b.SetFates(t.Context(), map[int64]Fate{1: {Status: Unchanged}}); err != nil {
		t.Fatal(err)
	}
	if clash, err := tenant.FindClash(t.Context(), b, "a"); clash != nil || err != nil {
		t.Errorf("a decided row clashes: %+v, %v", clash, err)
	}
	closeRun(t, a) // as if its process had been killed: it never ended
	begin(again, b)
	if a, err = folder.Lock(t.Context(), "a", Holder{}); err != nil {
		t.Fatal(err)
	}
	defer closeRun(t, a)
	begin(again, b)
	begin(tenant, a, "b")
	if err := tenant.End(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	begin(tenant, a)
}

func TestLockOfNothing(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Lock(t.Context(), "gone", Holder{}); !errors.Is(err, ErrNoRun) {
		t.Errorf("got %v", err)
	}
	infos, err := folder.List(t.Context())
	if err != nil || len(infos) != 0 {
		t.Errorf("a run was made of it: %v, %v", infos, err)
	}
}
