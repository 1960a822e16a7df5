package checkpoint

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func settledAs(seq int64, was, status Status, gsid string) Event {
	return Event{Kind: Settled, Seq: seq, Attempt: 1, Was: was, Status: status, Gsid: gsid}
}

// told is what is compared of a doubt.
type told struct {
	Seq         int64
	Status      Status
	Gsid        string
	Since, Last int64
	Sends       int
}

func tell(doubts []Doubt) (all []told) {
	for _, d := range doubts {
		all = append(all, told{d.Seq, d.Status, d.Gsid, d.Since, d.Last, d.Sends})
	}
	return all
}

// Doubts tells every row whose call had no answer at some time, and no other:
// since when, how often, and what it is now.
func TestDoubtsOfARun(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := planRun(t, folder, "a", 9, func(int64) Op { return payload(1, 2) })
	at := func(seq, server int64) Event { return Event{Kind: Intent, Seq: seq, Attempt: 1, Server: server} }
	user := func(e Event, name string) Event { e.User = name; return e }
	journal(t, run,
		at(1, 10), user(outcomeOf(1, Created, "G1"), "U1"), // never in doubt
		at(2, 11), user(outcomeOf(2, InDoubt, ""), "nobody"), // still
		at(3, 12), outcomeOf(3, InDoubt, ""), settledAs(3, InDoubt, Created, "G3"),
		at(4, 13), outcomeOf(4, InDoubt, ""), settledAs(4, InDoubt, Pending, ""), at(4, 23), outcomeOf(4, InDoubt, ""),
		at(5, 14),                                        // killed,
		at(6, 15), at(6, 25), outcomeOf(6, Rejected, ""), // and once more
		at(7, 16), settledAs(7, InDoubt, Parked, ""), // killed, then settled
		at(8, 17), outcomeOf(8, Pending, ""), // not sent
		outcomeOf(9, Rejected, ""), // without a call
	)
	closeRun(t, run)
	if run, err = folder.Lock(t.Context(), "a", Holder{}); err != nil {
		t.Fatal(err)
	}
	doubts, err := run.Doubts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []told{
		{2, InDoubt, "", 11, 11, 1}, {3, Created, "G3", 12, 12, 1}, {4, InDoubt, "", 13, 23, 2}, {5, InDoubt, "", 14, 14, 1},
		{6, Rejected, "", 15, 15, 1}, {7, Parked, "", 16, 16, 1},
	}
	if diff := cmp.Diff(want, tell(doubts.Rows)); diff != "" || doubts.User != "U1" {
		t.Errorf("user %q (-want +got):\n%s", doubts.User, diff)
	}
	if d := doubts.Rows[0]; d.Key != ([16]byte{1}) || d.Hash != ([16]byte{1, 2}) || d.Item == "" || d.Line != 3 || d.Action != "create" || d.Names != "company IBM" || d.Lookups == "" || d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
	claimed, err := run.Claimed(t.Context(), []string{"G3", "G1", "G9"})
	if diff := cmp.Diff(map[string]int64{"G1": 1, "G3": 3}, claimed); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if claimed, err := run.Claimed(t.Context(), nil); len(claimed) > 0 || err != nil {
		t.Error(claimed, err)
	}
	if _, err := run.Counts(t.Context()); err != nil {
		t.Error(err)
	}
	closeRun(t, run)
}

// A run without doubts tells none.
func TestNoDoubts(t *testing.T) {
	_, run := newRun(t, 2)
	journal(t, run, intent(1), outcomeOf(1, Created, "G"))
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	doubts, err := run.Doubts(t.Context())
	if err != nil || doubts.Rows != nil || doubts.User != "" {
		t.Errorf("%+v, %v", doubts, err)
	}
	closeRun(t, run)
}

// The ids that the server filled in teach what names stand for, where rows
// were created with them.
func TestParentsAreLearnedInARun(t *testing.T) {
	_, run := newRun(t, 3)
	taught := outcomeOf(1, Created, "G1")
	taught.Parents = "CompanyId=C1"
	inDoubt := outcomeOf(2, InDoubt, "")
	inDoubt.Parents = "CompanyId=C2"
	journal(t, run, intent(1), taught, intent(2), inDoubt)
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		names []string
		want  map[string]string
	}{
		{nil, map[string]string{}},
		{[]string{"company Meta"}, map[string]string{}},
		{[]string{"company Meta", "company IBM"}, map[string]string{"company IBM": "CompanyId=C1"}},
	} {
		got, err := run.LearnedParents(t.Context(), tt.names)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", tt.names, err, diff)
		}
	}
	closeRun(t, run)
}

// What other runs of the tenant have in doubt or under way is told with what
// their answers taught; what they created is claimed.
func TestDoubtsElsewhere(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	same := payloads([2]byte{1, 0}, [2]byte{2, 0}, [2]byte{3, 0}, [2]byte{4, 0})
	other, mine := planRun(t, folder, "other", 4, same), planRun(t, folder, "mine", 4, same)
	elsewhere := func() []Foreign {
		t.Helper()
		found, err := tenant.DoubtsElsewhere(t.Context(), mine)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := elsewhere(); found != nil {
		t.Errorf("nothing was sent: %+v", found)
	}
	taught := outcomeOf(1, Created, "G1")
	taught.Parents = "CompanyId=C1"
	journal(t, mine, intent(1), outcomeOf(1, InDoubt, ""))
	journal(t, other, intent(1), taught, Event{Kind: Intent, Seq: 2, Attempt: 1, Server: 7}, intent(3), outcomeOf(3, InDoubt, ""), settledAs(3, InDoubt, Created, "G3"),
		intent(4), outcomeOf(4, InDoubt, ""), settledAs(4, InDoubt, Parked, ""))
	var seqs []int64
	found := elsewhere()
	for _, f := range found {
		seqs = append(seqs, f.Seq)
	}
	if !slices.Equal(seqs, []int64{2, 4}) || found[0].Last != 7 || !strings.Contains(found[0].Item, "goal 2") || found[0].Learned != "" {
		t.Errorf("%+v", found)
	}
	if err := other.Fold(t.Context()); err != nil { // then names are learned
		t.Fatal(err)
	}
	if found := elsewhere(); len(found) != 2 || found[1].Learned != "CompanyId=C1" || found[1].Status != Parked {
		t.Errorf("%+v", found)
	}
	claimed, err := tenant.ClaimedElsewhere(t.Context(), mine, []string{"G1", "G3", "G4"})
	if diff := cmp.Diff(map[string]bool{"G1": true, "G3": true}, claimed); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for run, gsids := range map[*Run][]string{mine: nil, other: {"G1"}} {
		if claimed, err := tenant.ClaimedElsewhere(t.Context(), run, gsids); len(claimed) > 0 || err != nil {
			t.Error(claimed, err)
		}
	}
	closeRun(t, other)
	closeRun(t, mine)
}

// Where the database cannot be read each says so.
func TestDoubtsOfABrokenRun(t *testing.T) {
	folder, run := newRun(t, 2)
	tenant := openTenant(t, folder)
	journal(t, run, intent(1), outcomeOf(1, InDoubt, ""))
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	add := func(_ any, err error) { errs = append(errs, err) }
	add(run.Doubts(ended))
	add(run.LearnedParents(ended, []string{"company IBM"}))
	add(run.Claimed(ended, []string{"G"}))
	add(tenant.ClaimedElsewhere(ended, run, []string{"G"}))
	add(tenant.DoubtsElsewhere(ended, run))
	add(run.Counts(ended))
	add(nil, run.Fold(ended))
	add(nil, run.SetFates(ended, map[int64]Fate{1: {Status: Stale}}))
	for i, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := run.db.write.Exec(`INSERT INTO journal (batch) VALUES ('no event')`); err != nil {
		t.Fatal(err)
	}
	errs = nil
	add(run.Doubts(t.Context()))
	add(run.LearnedParents(t.Context(), []string{"company IBM"}))
	add(tenant.DoubtsElsewhere(t.Context(), &Run{info: Info{ID: "another"}}))
	add(run.Counts(t.Context()))
	add(nil, run.Fold(t.Context()))
	for i, err := range errs {
		if i == 1 && err == nil { // nothing was created with these names
			continue
		}
		var storage *StorageError
		if !errors.As(err, &storage) && !strings.Contains(err.Error(), "journal") {
			t.Errorf("%d: %v", i, err)
		}
	}
	closeRun(t, run)
}

// An event is read back as it was written, and nothing else is an event.
func TestLinesThatAreNoEvents(t *testing.T) {
	whole := Event{Kind: Settled, Seq: 1, Attempt: 2, At: 3, Server: 4, Status: Parked, HTTP: 5, Gsid: "g", Code: "c", RequestID: "r", User: "u", Parents: "p", Reason: "w", Was: InDoubt}
	for _, kind := range []EventKind{Intent, Outcome, Settled} {
		e := whole
		e.Kind = kind
		line := strings.TrimSuffix(string(appendEvent(nil, &e)), "\n")
		got, err := parseEvent(line)
		if kind != Settled {
			e.Was = ""
		}
		if kind == Intent {
			e = Event{Kind: Intent, Seq: 1, Attempt: 2, At: 3, Server: 4}
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		fields := strings.Split(line, "\t")
		bad := []string{line + "\tmore", strings.Join(fields[:len(fields)-1], "\t"), "x" + line[1:], "ii" + line[1:], line[1:]}
		for i, field := range fields {
			if _, number := map[string]bool{"1": true, "2": true, "3": true, "4": true, "5": true}[field]; number {
				other := slices.Clone(fields)
				other[i] = "1x"
				bad = append(bad, strings.Join(other, "\t"))
			}
		}
		for _, text := range bad {
			if e, err := parseEvent(text); err == nil {
				t.Errorf("%q is read as %+v", text, e)
			}
		}
	}
	if err := eachEvent("i\t1\t1\t1\t1", func(*Event) error { return nil }); err == nil {
		t.Error("a line without an end is read")
	}
	stop := errors.New("stop")
	if err := eachEvent("i\t1\t1\t1\t1\ni\t2\t1\t1\t1\n", func(e *Event) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// Each status has a count of its own, and they add up.
func TestCountsOfEachStatus(t *testing.T) {
	var counts Counts
	all := []Status{Pending, Created, Updated, Deleted, Unchanged, Rejected, Invalid, Skipped, Stale, InDoubt, Parked}
	for i, status := range all {
		*counts.Of(status) += 1 << i
	}
	want := Counts{Pending: 1, Created: 2, Updated: 4, Deleted: 8, Unchanged: 16, Rejected: 32, Invalid: 64, Skipped: 128, Stale: 256, InDoubt: 512, Parked: 1024}
	if diff := cmp.Diff(want, counts); diff != "" || counts.Whole() {
		t.Error(diff)
	}
	if counts.Rows = 1<<len(all) - 1; !counts.Whole() || counts.sum() != counts.Rows {
		t.Errorf("%d of %d", counts.sum(), counts.Rows)
	}
}

// What is not folded yet counts as the last that was said of it.
func TestCountsOfTheTail(t *testing.T) {
	_, run := newRun(t, 6)
	expect := func(want Counts) {
		t.Helper()
		want.Rows = 6
		got, err := run.Counts(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
	journal(t, run, intent(1), outcomeOf(1, InDoubt, ""), intent(2), outcomeOf(2, Created, "G"), intent(3))
	expect(Counts{Created: 1, InDoubt: 1, Pending: 4})
	journal(t, run, settledAs(1, InDoubt, Parked, ""))
	expect(Counts{Created: 1, Parked: 1, Pending: 4})
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(Counts{Created: 1, Parked: 1, InDoubt: 1, Pending: 3})
	journal(t, run, settledAs(1, Parked, Created, "H"), settledAs(2, Created, Parked, ""))
	expect(Counts{Created: 1, Parked: 1, InDoubt: 1, Pending: 3})
	journal(t, run, outcomeOf(3, Rejected, ""), settledAs(2, Parked, Skipped, ""))
	expect(Counts{Created: 1, Rejected: 1, Skipped: 1, Pending: 3})
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(Counts{Created: 1, Rejected: 1, Skipped: 1, Pending: 3})
	journal(t, run, intent(4), outcomeOf(4, InDoubt, ""), intent(4), outcomeOf(4, Created, "I"), intent(5), outcomeOf(5, Parked, ""), intent(5), outcomeOf(5, Rejected, ""))
	expect(Counts{Created: 2, Rejected: 2, Skipped: 1, Pending: 1})
	closeRun(t, run)
}

// A call that was refused before it was carried out is no attempt of its row.
func TestAttemptsOfFates(t *testing.T) {
	for _, tt := range []struct {
		e    Event
		want int
	}{
		{Event{Kind: Outcome, Status: Pending, HTTP: 429, Attempt: 2}, 1},
		{Event{Kind: Outcome, Status: Pending, HTTP: 0, Attempt: 2}, 2},
		{Event{Kind: Outcome, Status: Rejected, HTTP: 400, Attempt: 2}, 2},
		{Event{Kind: Settled, Status: Pending, HTTP: 429, Attempt: 2}, 2},
		{Event{Kind: Intent, Attempt: 2}, 2},
	} {
		if got := tt.e.fate().Attempts; got != tt.want {
			t.Errorf("%+v: %d attempts, want %d", tt.e, got, tt.want)
		}
	}
}

// Once no call is allowed any more, intents that wait are left out, and
// outcomes are kept.
func TestIntentsAreDroppedInTrouble(t *testing.T) {
	_, run := newRun(t, 3)
	var kept []Event
	j := run.Journal(func(events []Event) { kept = append(kept, events...) })
	if _, err := j.add(intent(1)); err != nil {
		t.Fatal(err)
	}
	j.Record(outcomeOf(2, Created, "G"))
	if _, err := j.add(intent(3)); err != nil {
		t.Fatal(err)
	}
	trouble := errors.New("moved away")
	run.reserve.refuse(trouble)
	j.Close()
	if err := j.Serve(); !errors.Is(err, trouble) {
		t.Error(err)
	}
	if err := j.Intend(intent(1)); !errors.Is(err, trouble) {
		t.Errorf("an intent is allowed: %v", err)
	}
	var text string
	if err := run.db.read.QueryRow(`SELECT batch FROM journal`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	if len(kept) != 1 || kept[0].Seq != 2 || !strings.HasPrefix(text, "o\t2\t") || strings.Count(text, "\n") != 1 {
		t.Errorf("kept %+v as %q", kept, text)
	}
	closeRun(t, run)
}
