package gainsight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// model is a tenant that other people work in. It reads requests with a
// decoder of its own and knows which goals were there all along.
type model struct {
	rng     *rand.Rand
	goals   []modelGoal
	next    int
	order   string // oldest, newest, gsid, shuffled
	coupled bool   // each insert comes with a delete: their number never changes
	busy    int    // changes between two pages, at most
	limit   int    // largest page: silently so, or by 8007 where refuse is set
	refuse  bool
	fixed   int  // size of all pages, whatever is asked for
	first   bool // the first page is given, whichever is asked for
	slip    int  // the page before is given in this call
	calls   int
	sizes   []int // of the records given in each call
	enough  func(call int)
}

type modelGoal struct {
	gsid string
	seq  int
	kind string
}

func newModel(seed uint64, goals int) *model {
	m := &model{rng: rand.New(rand.NewPCG(seed, 7)), limit: 1 << 30, order: "oldest"}
	for range goals {
		m.insert()
	}
	return m
}

func (m *model) insert() {
	m.next++
	kind := "a"
	if m.rng.IntN(3) == 0 {
		kind = "b"
	}
	gsid := fmt.Sprintf("1CG0%016X%016X", m.rng.Uint64(), m.next)
	m.goals = append(m.goals, modelGoal{gsid, m.next, kind})
}

func (m *model) remove() {
	if len(m.goals) > 0 {
		at := m.rng.IntN(len(m.goals))
		if m.rng.IntN(3) == 0 { // more often where the walk has been
			at = m.rng.IntN(min(len(m.goals), 5))
		}
		m.goals = slices.Delete(m.goals, at, at+1)
	}
}

// disturb is what others do between two calls.
func (m *model) disturb() {
	if m.busy == 0 {
		return
	}
	inserts := m.rng.IntN(m.busy + 1)
	deletes := inserts
	if !m.coupled {
		deletes = m.rng.IntN(m.busy + 1)
	}
	for range inserts {
		m.insert()
	}
	for range deletes {
		m.remove()
	}
}

// list is what a query finds, in the order of the server.
func (m *model) list(kind string) []string {
	goals := slices.DeleteFunc(slices.Clone(m.goals), func(g modelGoal) bool { return kind != "" && g.kind != kind })
	switch m.order {
	case "oldest":
		slices.SortFunc(goals, func(a, b modelGoal) int { return a.seq - b.seq })
	case "newest":
		slices.SortFunc(goals, func(a, b modelGoal) int { return b.seq - a.seq })
	case "gsid":
		slices.SortFunc(goals, func(a, b modelGoal) int { return strings.Compare(a.gsid, b.gsid) })
	case "shuffled":
		m.rng.Shuffle(len(goals), func(i, j int) { goals[i], goals[j] = goals[j], goals[i] })
	}
	ids := make([]string, len(goals))
	for i := range goals {
		ids[i] = goals[i].gsid
	}
	return ids
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct {
		PageSize, PageNumber int
		Where                struct {
			Conditions []struct{ Value []string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	if m.calls++; m.calls > 1 {
		m.disturb()
	}
	if m.enough != nil {
		m.enough(m.calls)
	}
	if m.refuse && q.PageSize > m.limit {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"result":false,"errorCode":"VC_8007","message":"Invalid page request"}`)
		return
	}
	kind := ""
	for _, c := range q.Where.Conditions {
		kind = c.Value[0]
	}
	size := min(q.PageSize, m.limit)
	if m.fixed > 0 {
		size = m.fixed
	}
	number := q.PageNumber
	if m.first {
		number = 1
	} else if m.slip == m.calls {
		number--
	}
	ids := m.list(kind)
	from := min((number-1)*size, len(ids))
	ids = ids[from:min(from+size, len(ids))]
	m.sizes = append(m.sizes, len(ids))
	var b strings.Builder
	b.WriteString(`{"result":true,"data":{"recordList":[`)
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"dataList":{"Gsid":"` + id + `"}}`)
	}
	b.WriteString(`]}}`)
	_, _ = io.WriteString(w, b.String())
}

// modelClient is a client of whichever model is set.
func modelClient(t *testing.T) (*Client, func(*model)) {
	var now *model
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { now.ServeHTTP(w, r) })
	return newTestClient(t, s.URL, nil), func(m *model) { now = m }
}

func ofKind(kind string, size int) Query {
	q := Query{PageSize: size}
	if kind != "" {
		q.Where = []Condition{{Field: "Kind__gc", Operator: "EQ", Values: []Value{String(kind)}}}
	}
	return q
}

// all reads a walk to its end, and fails where a goal came twice.
func all(t *testing.T, w *Walk) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	for g, err := range w.Goals(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if got[g.Gsid] {
			t.Fatalf("%s came twice", g.Gsid)
		}
		got[g.Gsid] = true
	}
	return got
}

// mustHoldWhatLasted compares what was got with what was there before and after.
func mustHoldWhatLasted(t *testing.T, got map[string]bool, before, after []string) {
	t.Helper()
	still := map[string]bool{}
	for _, id := range after {
		still[id] = true
	}
	for _, id := range before {
		if still[id] && !got[id] {
			t.Fatalf("%s was there all along and is missing", id)
		}
	}
}

// disturbances calls run with 300 seeded models of each kind.
func disturbances(t *testing.T, run func(t *testing.T, c *Client, m *model, q Query)) {
	for _, order := range []string{"oldest", "newest", "gsid"} {
		for _, coupled := range []bool{true, false} {
			for _, kind := range []string{"", "a"} {
				t.Run(fmt.Sprintf("%s coupled=%v filter=%q", order, coupled, kind), func(t *testing.T) {
					t.Parallel()
					c, set := modelClient(t)
					for seed := range schedules() {
						m := newModel(seed, 20+int(seed)%90)
						m.order, m.coupled, m.busy = order, coupled, 1+int(seed)%4
						set(m)
						run(t, c, m, ofKind(kind, 12+int(seed)%5))
						if t.Failed() {
							t.Fatalf("seed %d", seed)
						}
					}
				})
			}
		}
	}
}

func filterOf(q Query) string {
	if len(q.Where) == 0 {
		return ""
	}
	return "a"
}

func TestWalkMissesNothingWhileGoalsComeAndGo(t *testing.T) {
	disturbances(t, func(t *testing.T, c *Client, m *model, q Query) {
		before := m.list(filterOf(q))
		w := c.Walk(q)
		got := all(t, w)
		mustHoldWhatLasted(t, got, before, m.list(filterOf(q)))
		if r := w.Report(); !r.Proved || r.Goals != len(got) || r.Calls != m.calls {
			t.Errorf("%d goals in %d calls: %+v", len(got), m.calls, r)
		}
	})
	t.Log("promise R9: 3,600 seeded exports (3 orders, coupled or not, filtered or not): nothing that lasted is missing, no Gsid twice")
}

// TestWalkResumesAtEveryPage: each page is read by a walk of its own, which
// learns the position and the goals of those before through JSON alone, and is
// left in the middle of a page.
func TestWalkResumesAtEveryPage(t *testing.T) {
	disturbances(t, func(t *testing.T, c *Client, m *model, q Query) {
		before := m.list(filterOf(q))
		got := map[string]bool{}
		var saved []byte
		for range 1000 {
			var at Position
			if saved != nil {
				if err := json.Unmarshal(saved, &at); err != nil {
					t.Fatal(err)
				}
			}
			w := c.ResumeWalk(q, at)
			for id := range got {
				w.Known(id)
			}
			for g, err := range w.Goals(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if got[g.Gsid] {
					t.Fatalf("%s came twice", g.Gsid)
				}
				got[g.Gsid] = true
				turned := w.at.Start != at.Start || len(w.at.Gsids) != len(at.Gsids)
				if turned || m.rng.IntN(40) == 0 {
					break
				}
			}
			saved, _ = json.Marshal(w.Position())
			if r := w.Report(); w.Position().Over {
				mustHoldWhatLasted(t, got, before, m.list(filterOf(q)))
				if !r.Proved || r.Goals != len(got) {
					t.Errorf("%d goals: %+v", len(got), r)
				}
				return
			}
		}
		t.Error("the walk has no end")
	})
}

func TestWalkOfAShufflingServerIsNotProved(t *testing.T) {
	c, set := modelClient(t)
	for seed := range schedules() {
		m := newModel(seed, 40+int(seed)%100)
		m.order = "shuffled"
		set(m)
		w := c.Walk(Query{PageSize: 12})
		got := all(t, w)
		if r := w.Report(); r.Proved || r.Why == "" || m.calls > 100 || len(got) < len(m.goals)*2/3 {
			t.Fatalf("seed %d: %d of %d goals in %d calls: %+v", seed, len(got), len(m.goals), m.calls, r)
		}
	}
}

// TestWalkCostsLittleMoreThanPlainPaging: 20,000 goals in pages of 1,000 take
// plain paging 21 calls, since the last page is full.
func TestWalkCostsLittleMoreThanPlainPaging(t *testing.T) {
	c, set := modelClient(t)
	for _, tt := range []struct{ goals, size, most int }{
		{0, 1000, 1}, {999, 1000, 1}, {1000, 1000, 2}, {20_000, 1000, 21}, {19_500, 1000, 21}, {200_000, 1000, 208}, {5_000, 100, 57},
	} {
		if testing.Short() && tt.goals > 20_000 {
			continue // the long run has it
		}
		m := newModel(1, tt.goals)
		set(m)
		w := c.Walk(Query{PageSize: tt.size})
		got := all(t, w)
		r := w.Report()
		t.Logf("%d goals in pages of %d: %d calls, plain %d", tt.goals, tt.size, r.Calls, tt.goals/tt.size+1)
		if len(got) != tt.goals || !r.Proved || r.Duplicates != 0 || r.Calls > tt.most || m.calls != r.Calls {
			t.Errorf("%d of %d goals, %d calls, want %d at most: %+v", len(got), tt.goals, m.calls, tt.most, r)
		}
	}
}

func TestWalkCopesWithServersOfOtherMinds(t *testing.T) {
	c, set := modelClient(t)
	for name, tt := range map[string]struct {
		change func(*model)
		goals  int
		size   int
		calls  int
		why    string // of what is not proved
	}{
		"a cap on pages, silently":   {func(m *model) { m.limit = 50 }, 240, 1000, 6, ""},
		"a cap, the list as long":    {func(m *model) { m.limit = 50 }, 50, 1000, 2, ""},
		"too large a page":           {func(m *model) { m.limit, m.refuse = 100, true }, 240, 1000, 6, ""},
		"pages of one size":          {func(m *model) { m.fixed = 100 }, 190, 50, 4, "whatever is asked for"},
		"pages of one size, smaller": {func(m *model) { m.fixed = 50 }, 190, 100, 9, "whatever is asked for"},
		"pages too small to overlap": {func(*model) {}, 20, 2, 22, "too small to overlap"},
		"the page before, once":      {func(m *model) { m.slip = 3 }, 60, 20, 6, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(3, tt.goals)
			tt.change(m)
			set(m)
			w := c.Walk(Query{PageSize: tt.size})
			got := all(t, w)
			r := w.Report()
			if len(got) != tt.goals || r.Calls > tt.calls || r.Proved != (tt.why == "") || !strings.Contains(r.Why, tt.why) {
				t.Errorf("%d of %d goals, %+v; want %d calls; pages of %v", len(got), tt.goals, r, tt.calls, m.sizes)
			}
		})
	}
}

func TestWalkEnds(t *testing.T) {
	c, set := modelClient(t)
	m := newModel(1, 30)
	m.first = true
	set(m)
	var last error
	for _, err := range c.Goals(t.Context(), Query{PageSize: 10}) {
		last = err
	}
	var repeated *RepeatedPageError
	if !errors.As(last, &repeated) || m.calls > 5 {
		t.Errorf("a server that gives the first page always: %v after %d calls", last, m.calls)
	}
	for _, order := range []string{"newest", "oldest", "gsid"} { // as many goals as a page come with each
		m = newModel(1, 30)
		m.order = order
		m.enough = func(int) {
			for range 12 {
				m.insert()
			}
		}
		set(m)
		w := c.Walk(Query{PageSize: 10})
		w.maxCalls = 500
		last = nil
		for _, err := range w.Goals(t.Context()) {
			last = err
		}
		if r := w.Report(); r.Proved || r.Why == "" || m.calls > 500 {
			t.Errorf("%s: endless growth: %v after %d calls, %+v", order, last, m.calls, r)
		}
	}
}

// TestWalkGoesOn: a walk that was left, or failed, goes on when it is ranged over again.
func TestWalkGoesOn(t *testing.T) {
	c, set := modelClient(t)
	m := newModel(1, 95)
	set(m)
	w := c.Walk(Query{PageSize: 10})
	var got []string
	for i := 0; !w.Position().Over; i++ {
		ctx, cancel := context.WithCancel(t.Context())
		for g, err := range w.Goals(ctx) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				break
			}
			got = append(got, g.Gsid)
			if len(got)%7 == 0 {
				break
			}
			if len(got)%5 == 0 {
				cancel()
			}
		}
		cancel()
		if r := w.Report(); r.Proved != w.Position().Over {
			t.Fatalf("got %+v", r)
		}
	}
	if diff := cmp.Diff(m.list(""), got); diff != "" {
		t.Error(diff)
	}
	for range w.Goals(t.Context()) {
		t.Error("a walk that is over gave a goal")
	}
}

func TestGoalsGivesTheUnionOfAListThatRepeats(t *testing.T) {
	for _, list := range [][]string{{"a", "b", "c", "c", "d", "a", "e"}, {"a", "a", "b"}, {"a", "b", "c", "a", "b", "c", "d"}} {
		c, _ := pages(t, list, 1000, "")
		var got []string
		for g, err := range c.Goals(t.Context(), Query{PageSize: 3}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, g.Gsid)
		}
		slices.Sort(list)
		if diff := cmp.Diff(slices.Compact(list), got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestGallop(t *testing.T) {
	c, set := modelClient(t)
	for _, tt := range []struct{ goals, size, limit, pages, calls int }{
		{0, 10, 100, 1, 1},
		{9, 10, 100, 1, 1},
		{10, 10, 100, 1, 2},
		{11, 10, 100, 2, 3},
		{205, 10, 100, 21, 12},
		{205, 10, 21, 21, 11},
		{205, 10, 20, 21, 7},
		{205, 10, 3, 4, 4},
		{205, 10, 1, 2, 2},
		{205, 10, 0, 1, 0},
		{20_000, 1000, 100, 20, 11},
	} {
		m := newModel(1, tt.goals)
		set(m)
		pages, err := c.Gallop(t.Context(), Query{PageSize: tt.size}, tt.limit)
		if err != nil || pages != tt.pages || m.calls > tt.calls {
			t.Errorf("%+v: got %d pages in %d calls, %v", tt, pages, m.calls, err)
		}
	}
	for name, change := range map[string]func(*model){
		"capped":  func(m *model) { m.limit = 50 },
		"refused": func(m *model) { m.limit, m.refuse = 50, true },
		"fixed":   func(m *model) { m.fixed = 50 },
	} {
		m := newModel(1, 340)
		change(m)
		set(m)
		if pages, err := c.Gallop(t.Context(), Query{PageSize: 1000}, 100); err != nil || pages != 7 || m.calls > 14 {
			t.Errorf("%s: got %d pages in %d calls, %v", name, pages, m.calls, err)
		}
	}
}

// schedules is how many seeded models of each kind are tried.
func schedules() uint64 {
	if testing.Short() {
		return 30
	}
	return 300
}
