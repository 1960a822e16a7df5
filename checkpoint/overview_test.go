package checkpoint

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// flaw is a problem as a test adds it.
type flaw struct {
	Seq                     int64
	Status                  Status
	Code, Field, Value, Say string
}

func flaws() *rapid.Generator[[]flaw] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) flaw {
		f := flaw{Status: rapid.SampledFrom([]Status{Invalid, Invalid, Pending, Rejected, Stale}).Draw(t, "status"),
			Code: rapid.SampledFrom([]string{"required", "unknown-status", "duplicate"}).Draw(t, "code"), Field: rapid.SampledFrom([]string{"", "Name"}).Draw(t, "field")}
		f.Say = fmt.Sprint("message ", rapid.IntRange(0, 4).Draw(t, "message"))
		if f.Status == Invalid || f.Status == Pending {
			f.Value = rapid.SampledFrom([]string{"", "a", "b", "\xff\x00"}).Draw(t, "value")
		}
		return f
	}), 0, 60)
}

func (f *flaw) text() string {
	if f.Value == "" || f.Code == "duplicate" {
		return f.Say
	}
	return f.Value
}

func (f *flaw) place() string {
	if f.Status == Rejected || f.Status == Stale {
		return fmt.Sprint("row ", f.Seq+1)
	}
	return fmt.Sprint("goals.csv:", f.Seq+1)
}

// addFlaws plans a row for each flaw, the header's as row 0.
func addFlaws(b *Batch, list []flaw) {
	for i := range list {
		f := &list[i]
		seq := int64(i + 1)
		f.Seq = seq
		problem := Problem{Place: f.place(), Field: f.Field, Code: f.Code, Value: f.Value, Message: f.Say, Mend: "mend " + f.Say, Warning: f.Status == Pending}
		op := &Op{Seq: seq, Line: int(seq) + 1, Action: "create", Item: "{}"}
		switch f.Status {
		case Invalid:
			b.Add(seq, op.Line, nil, nil, &Fate{Status: Invalid, Code: f.Code, Reason: "in full"}, []Problem{problem})
		case Pending:
			b.Add(seq, op.Line, nil, op, nil, []Problem{problem})
		default:
			b.Add(seq, op.Line, nil, op, &Fate{Status: f.Status, Code: f.Code, Field: f.Field, Reason: f.Say}, nil)
		}
	}
}

// naiveKinds groups the flaws in the plainest way.
func naiveKinds(list []flaw, limits KindLimits) (kinds []*Kind, more int) {
	for _, f := range list {
		i := slices.IndexFunc(kinds, func(k *Kind) bool { return k.Status == f.Status && k.Code == f.Code && k.Field == f.Field })
		if i < 0 {
			kinds = append(kinds, &Kind{Status: f.Status, Code: f.Code, Field: f.Field, first: f.Seq})
			i = len(kinds) - 1
		}
		k := kinds[i]
		k.Rows++
		at := slices.IndexFunc(k.Texts, func(a Alike) bool { return a.text == f.text() })
		if at < 0 {
			mend := "mend " + f.Say
			if f.Status == Rejected || f.Status == Stale {
				mend = ""
			}
			k.Texts = append(k.Texts, Alike{text: f.text(), first: f.Seq, Message: f.Say, Mend: mend})
			at = len(k.Texts) - 1
		}
		a := &k.Texts[at]
		if a.Rows++; len(a.Places) < limits.Places {
			a.Places = append(a.Places, f.place())
		}
	}
	slices.SortStableFunc(kinds, func(a, b *Kind) int {
		if (a.Status == Pending) != (b.Status == Pending) {
			return map[bool]int{true: 1, false: -1}[a.Status == Pending]
		}
		return cmp.Compare(b.Rows, a.Rows)
	})
	for i, k := range kinds {
		slices.SortStableFunc(k.Texts, func(a, b Alike) int { return cmp.Compare(b.Rows, a.Rows) })
		if n := len(k.Texts); n > limits.Texts {
			k.Texts, k.Others = k.Texts[:limits.Texts], n-limits.Texts
		}
		if i >= limits.Kinds {
			more += k.Rows
		}
	}
	return kinds[:min(len(kinds), limits.Kinds)], more
}

// TestKinds compares the grouping with a plain one.
func TestKinds(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		list := flaws().Draw(t, "flaws")
		limits := KindLimits{rapid.IntRange(1, 8).Draw(t, "kinds"), rapid.IntRange(1, 4).Draw(t, "texts"), rapid.IntRange(1, 4).Draw(t, "places")}
		n++
		run, err := folder.Create(t.Context(), Info{ID: fmt.Sprint("r", n), Input: Input{Rows: int64(len(list))}}, Holder{})
		if err != nil {
			t.Fatal(err)
		}
		defer run.Discard()
		var b Batch
		addFlaws(&b, list)
		if err := run.Planner().Write(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		got, more, err := run.Kinds(t.Context(), limits)
		if err != nil {
			t.Fatal(err)
		}
		want, wantMore := naiveKinds(list, limits)
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(Kind{}, Alike{}), cmpopts.EquateEmpty()); diff != "" || more != wantMore {
			t.Fatalf("%d more, want %d: %s", more, wantMore, diff)
		}
	})
}

// TestKindsOfTheHeaderAndOfFates wants problems of the header first, and those
// that only a fate tells.
func TestKindsOfTheHeaderAndOfFates(t *testing.T) {
	_, run := newRun(t, 2)
	defer run.Close()
	var b Batch
	b.AddHeaderProblems([]Problem{{Place: "goals.csv:1:9", Code: "unknown-column", Message: "column X is no field"}})
	if b.Empty() || b.Rows() != 0 {
		t.Error("a batch of problems alone is empty")
	}
	if err := run.Planner().Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if err := run.SetFates(t.Context(), map[int64]Fate{1: {Status: Invalid, Code: "created-before", Reason: "why"}, 2: {Status: Invalid, Code: "created-before", Reason: "why"}}); err != nil {
		t.Fatal(err)
	}
	kinds, more, err := run.Kinds(t.Context(), KindLimits{9, 9, 9})
	if err != nil || more != 0 || len(kinds) != 2 || !kinds[0].Header || kinds[0].Code != "unknown-column" || kinds[1].Rows != 2 || kinds[1].Texts[0].Message != "why" {
		t.Errorf("%v, %d more, %+v", err, more, kinds)
	}
}

func tooMany(status int, _ string) bool { return status == 429 }

// TestTimeline wants each call in its slot, lost ones where they were begun,
// and throttling from the refusal to the next call.
func TestTimeline(t *testing.T) {
	_, run := newRun(t, 9)
	defer run.Close()
	journal(t, run,
		Event{Kind: Intent, Seq: 1, Attempt: 1, At: 1000}, Event{Kind: Outcome, Seq: 1, Attempt: 1, At: 1010, Status: Created, HTTP: 200},
		Event{Kind: Intent, Seq: 2, Attempt: 1, At: 1020}, Event{Kind: Outcome, Seq: 2, Attempt: 1, At: 1990, Status: Rejected, HTTP: 400},
		Event{Kind: Intent, Seq: 3, Attempt: 1, At: 2000}, Event{Kind: Outcome, Seq: 3, Attempt: 1, At: 2050, Status: Pending, HTTP: 429},
		Event{Kind: Outcome, Seq: 4, At: 2060, Status: Rejected, Code: "name-refused"},
		Event{Kind: Intent, Seq: 3, Attempt: 1, At: 62_050}, Event{Kind: Outcome, Seq: 3, Attempt: 1, At: 62_060, Status: InDoubt},
		Event{Kind: Intent, Seq: 5, Attempt: 1, At: 62_070}, Event{Kind: Outcome, Seq: 5, Attempt: 1, At: 62_080, Status: Pending},
		Event{Kind: Intent, Seq: 7, Attempt: 1, At: 62_081}, Event{Kind: Outcome, Seq: 7, Attempt: 1, At: 62_085, Status: Pending, HTTP: 400},
		Event{Kind: Intent, Seq: 6, Attempt: 1, At: 62_090},
		Event{Kind: Intent, Seq: 6, Attempt: 2, At: 99_000}, Event{Kind: Settled, Seq: 3, At: 99_100, Status: Created, Was: InDoubt})
	got, err := run.Timeline(t.Context(), tooMany)
	want := Timeline{Width: 100, Throttled: []Span{{2050, 62_050}}, Slots: []Slot{
		{At: 1000, Done: 1}, {At: 1900, Refused: 1}, {At: 2000, Throttled: 1}, {At: 62_000, Refused: 1, Lost: 2}, {At: 99_000, Lost: 1}}}
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// TestTimelineIsBounded wants a long run in few slots, with all its calls.
func TestTimelineIsBounded(t *testing.T) {
	w := timeWalk{throttles: tooMany, open: map[int64]int64{}, slots: slots{width: firstWidth, byNumber: map[int64]*Slot{}}}
	at := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	const calls = 200_000
	for seq := range int64(calls) {
		w.event(&Event{Kind: Intent, Seq: seq, At: at})
		e := Event{Kind: Outcome, Seq: seq, At: at + 200, Status: Created}
		if seq%100 == 0 {
			e.Status, e.HTTP = Pending, 429
		}
		w.event(&e)
		at += 1300
	}
	list, sum := w.slots.list(), 0
	for i := range list {
		sum += list[i].Calls()
		if i > 0 && list[i].At-list[i-1].At < w.slots.width {
			t.Fatalf("slots %+v and %+v overlap", list[i-1], list[i])
		}
	}
	if sum != calls || len(list) > maxSlots || len(list) < maxSlots/2-1 || len(w.spans.list) > maxSpans {
		t.Errorf("%d calls in %d slots, %d spans", sum, len(list), len(w.spans.list))
	}
}

// TestSessions keeps how each process began and ended, and those that did not
// live to say so.
func TestSessions(t *testing.T) {
	folder, run := newRun(t, 1)
	at := time.UnixMilli(1_790_000_000_000)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(run.BeginSession(t.Context(), at, 100))
	must(run.Close())
	run, err := folder.Lock(t.Context(), "a", Holder{})
	must(err)
	defer run.Close()
	must(run.BeginSession(t.Context(), at.Add(time.Hour), 0))
	must(run.EndSession(t.Context(), at.Add(2*time.Hour), 7, "the day's calls were used"))
	must(run.EndSession(t.Context(), at.Add(3*time.Hour), 0, "")) // nothing began
	first := Session{Began: at.UnixMilli(), PerMinute: 100}
	second := Session{Began: at.Add(time.Hour).UnixMilli(), Ended: at.Add(2 * time.Hour).UnixMilli(), ExitCode: 7, Why: "the day's calls were used"}
	for limit, want := range map[int][]Session{9: {first, second}, 1: {second}} {
		got, total, err := run.Sessions(t.Context(), limit)
		if diff := gocmp.Diff(want, got); diff != "" || total != 2 || err != nil {
			t.Errorf("%v, %d in all: %s", err, total, diff)
		}
	}
}

// TestUnsettledRows lists what waits for a person.
func TestUnsettledRows(t *testing.T) {
	_, run := newRun(t, 4)
	defer run.Close()
	journal(t, run, Event{Kind: Intent, Seq: 2, Attempt: 1, At: 5}, Event{Kind: Intent, Seq: 3, Attempt: 1, At: 6}, Event{Kind: Settled, Seq: 3, At: 7, Status: Parked, Was: InDoubt, Reason: "two goals"})
	if err := run.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := run.UnsettledRows(t.Context(), 9)
	want := []Unsettled{{Line: 3, Action: "create", Name: "goal 2", Status: InDoubt, Reason: "the process ended before the answer was seen", At: 5},
		{Line: 4, Action: "create", Name: "goal 3", Status: Parked, Reason: "two goals", At: 7}}
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := run.UnsettledRows(t.Context(), 1); len(got) != 1 || err != nil {
		t.Errorf("%d rows, %v", len(got), err)
	}
}
