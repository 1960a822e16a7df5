package checkpoint

import (
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is a time at which tests begin; its minute and day are of no importance.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 7, 0, time.UTC) }

// lease is Lease for tests that expect no fault.
func lease(t *testing.T, q *Quota, now time.Time, calls, daily int) (id int64, again time.Time, why string) {
	t.Helper()
	id, again, why, err := q.Lease(t.Context(), now, calls, time.Minute, daily, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return id, again, why
}

func free(t *testing.T, q *Quota, id int64, usable time.Time) {
	t.Helper()
	if err := q.Free(t.Context(), id, usable); err != nil {
		t.Fatal(err)
	}
}

func newQuotas(t *testing.T, names ...string) []*Quota {
	t.Helper()
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var quotas []*Quota
	for _, name := range names {
		quotas = append(quotas, openTenant(t, folder).Quota(Caller{Command: name}))
	}
	return quotas
}

func TestSlotsComeBackAWindowAfterTheAnswer(t *testing.T) {
	q := newQuotas(t, "a", "b")
	now := noon()
	first, _, _ := lease(t, q[0], now, 2, 0)
	second, _, _ := lease(t, q[1], now.Add(time.Second), 2, 0)
	if first == 0 || second == 0 {
		t.Fatal("two slots of two were refused")
	}
	free(t, q[0], first, now.Add(3*time.Second+time.Minute))
	id, again, why := lease(t, q[1], now.Add(4*time.Second), 2, 0)
	if id != 0 || why != "window" || !again.Equal(now.Add(63*time.Second)) {
		t.Errorf("third call: slot %d, %q, again at %v", id, why, again.Sub(now))
	}
	if id, _, _ := lease(t, q[1], now.Add(63*time.Second-1), 2, 0); id != 0 {
		t.Error("a slot was leased before its time")
	}
	if id, _, _ := lease(t, q[1], now.Add(63*time.Second), 2, 0); id == 0 {
		t.Error("a slot whose time has come was refused")
	}
	// The holder of the second is dead: it comes back on its own.
	id, again, why = lease(t, q[0], now.Add(64*time.Second), 2, 0)
	if id != 0 || why != "window" || !again.Equal(now.Add(96*time.Second)) {
		t.Errorf("behind a dead holder: slot %d, %q, again at %v", id, why, again.Sub(now))
	}
	if id, _, _ := lease(t, q[0], now.Add(96*time.Second), 2, 0); id == 0 {
		t.Error("the stamp of a dead holder does not free itself")
	}
}

func TestCancelledSlotIsFreeAtOnce(t *testing.T) {
	q := newQuotas(t, "a")[0]
	now := noon()
	id, _, _ := lease(t, q, now, 1, 0)
	free(t, q, id, now)
	if id, _, _ := lease(t, q, now, 1, 0); id == 0 {
		t.Error("the slot was not given back")
	}
}

// An answer may come when the stamp has freed itself: it counts all the same.
func TestLateAnswerCounts(t *testing.T) {
	q := newQuotas(t, "a")[0]
	now := noon()
	id, _, _ := lease(t, q, now, 1, 0)
	now = now.Add(130 * time.Second)
	if other, _, _ := lease(t, q, now, 1, 0); other == 0 {
		t.Fatal("the stamp did not free itself")
	}
	free(t, q, id, now.Add(time.Minute+time.Second))
	if _, again, why := lease(t, q, now.Add(59*time.Second), 1, 0); why != "window" || !again.Equal(now.Add(125*time.Second)) {
		t.Errorf("%q, again at %v", why, again.Sub(now))
	}
}

// A clock that was set back by an hour holds nobody up for longer than a window.
func TestClockSetBack(t *testing.T) {
	q := newQuotas(t, "a")[0]
	now := noon()
	for range 3 {
		id, _, _ := lease(t, q, now, 3, 0)
		free(t, q, id, now.Add(time.Minute))
	}
	now = now.Add(-time.Hour)
	id, again, why := lease(t, q, now, 3, 0)
	if id != 0 || why != "window" || !again.Equal(now.Add(time.Minute)) {
		t.Errorf("slot %d, %q, again at %v", id, why, again.Sub(now))
	}
	if id, _, _ := lease(t, q, now.Add(time.Minute), 3, 0); id == 0 {
		t.Error("no slot a window after the clock was set back")
	}
}

func TestDayRolls(t *testing.T) {
	q := newQuotas(t, "a", "b")
	now := noon()
	for i := range 10 { // one every ten minutes, of either process
		at := now.Add(time.Duration(i) * 10 * time.Minute)
		if id, _, why := lease(t, q[i%2], at, 100, 10); id == 0 {
			t.Fatalf("call %d of 10: %q", i+1, why)
		}
	}
	late := now.Add(100 * time.Minute)
	id, again, why := lease(t, q[0], late, 100, 10)
	if want := now.Truncate(time.Minute).Add(time.Minute + 24*time.Hour); id != 0 || why != "day" || !again.Equal(want) {
		t.Fatalf("call 11: slot %d, %q, again at %v, want %v", id, why, again, want)
	}
	if id, _, _ := lease(t, q[1], again.Add(-time.Second), 100, 10); id != 0 {
		t.Error("the day let a call in too early")
	}
	if id, _, _ := lease(t, q[1], again, 100, 10); id == 0 {
		t.Error("the oldest call is a day old and still counts")
	}
	if id, _, why := lease(t, q[0], again.Add(time.Minute), 100, 10); id != 0 || why != "day" {
		t.Errorf("one call has left the day, and two were let in: %q", why)
	}
	if id, _, _ := lease(t, q[0], again.Add(time.Minute), 100, 0); id == 0 {
		t.Error("without a daily limit the call was refused")
	}
}

// A day that begins at one time of the clock counts from there, in every handle.
func TestFixedDay(t *testing.T) {
	q := newQuotas(t, "a", "b")
	midnight := noon().Truncate(24 * time.Hour)
	at := func(i int, now, since time.Time) (int64, time.Time, string) {
		id, again, why, err := q[i%2].Lease(t.Context(), now, 100, time.Minute, 10, since)
		if err != nil {
			t.Fatal(err)
		}
		return id, again, why
	}
	for i := range 10 {
		if id, _, why := at(i, midnight.Add(23*time.Hour+time.Duration(i)*time.Minute), midnight); id == 0 {
			t.Fatalf("call %d of 10: %q", i+1, why)
		}
	}
	if id, again, why := at(0, midnight.Add(24*time.Hour-time.Second), midnight); id != 0 || why != "day" || !again.IsZero() {
		t.Errorf("call 11: slot %d, %q, again at %v", id, why, again)
	}
	if id, _, why := at(1, midnight.Add(24*time.Hour), midnight.Add(24*time.Hour)); id == 0 {
		t.Errorf("the first call of the next day: %q", why)
	}
	if id, _, _ := at(1, midnight.Add(24*time.Hour), time.Time{}); id != 0 {
		t.Error("any 24 hours have had their calls, and one was let in")
	}
}

// The pace is lowered once for a pause, whoever says so, and for good.
func TestSlow(t *testing.T) {
	q := newQuotas(t, "a", "b")
	now := noon()
	for _, step := range []struct {
		after, from time.Duration
		share, want float64
	}{{0, time.Minute, 0.5, 0.5}, {time.Second, time.Hour, 0.25, 0.5}, {2 * time.Minute, 3 * time.Minute, 0.3, 0.3}} {
		if err := q[0].Slow(t.Context(), now.Add(step.after), step.share, now.Add(step.from)); err != nil {
			t.Fatal(err)
		}
		if share, _, err := q[1].Slowed(t.Context()); err != nil || share != step.want {
			t.Errorf("after %v: share %v, %v", step.after, share, err)
		}
	}
}

func TestPause(t *testing.T) {
	q := newQuotas(t, "a", "b")
	now := noon()
	for _, until := range []time.Duration{30 * time.Second, 10 * time.Second} { // the later one stands
		if err := q[0].Pause(t.Context(), now, now.Add(until)); err != nil {
			t.Fatal(err)
		}
	}
	id, again, why := lease(t, q[1], now, 5, 0)
	if id != 0 || why != "paused" || !again.Equal(now.Add(30*time.Second)) {
		t.Errorf("slot %d, %q, again at %v", id, why, again.Sub(now))
	}
	other := (&Tenant{db: q[1].db, name: "globex"}).Quota(Caller{Command: "b"})
	if id, _, _ := lease(t, other, now, 5, 0); id == 0 {
		t.Error("the pause of one tenant holds another")
	}
	if id, _, _ := lease(t, q[1], now.Add(30*time.Second), 5, 0); id == 0 {
		t.Error("the pause does not end")
	}
}

func TestUse(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	callers := []Caller{{"import", "abc", 7}, {"export", "", 8}}
	a, b := tenant.Quota(callers[0]), tenant.Quota(callers[1])
	now := noon()
	lease(t, a, now.Add(-time.Hour), 100, 0)
	id, _, _ := lease(t, a, now, 100, 0)
	free(t, a, id, now.Add(50*time.Second))
	lease(t, b, now, 100, 0)
	if err := b.Pause(t.Context(), now, now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	use, err := tenant.Use(t.Context(), now, DayLimit{Calls: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := QuotaUse{Window: 2, Day: 3, By: []CallerUse{{callers[0], 1, 2, now.Truncate(time.Minute)}, {callers[1], 1, 1, now.Truncate(time.Minute)}}, NextFree: now.Add(50 * time.Second),
		PausedUntil: now.Add(time.Second), DayFree: now.Add(-time.Hour).Truncate(time.Minute).Add(time.Minute + 24*time.Hour),
		Minutes: []MinuteCalls{{now.Add(-time.Hour).Truncate(time.Minute).Add(time.Minute), 1}, {now.Truncate(time.Minute).Add(time.Minute), 2}}}
	if diff := cmp.Diff(want, use); diff != "" {
		t.Error(diff)
	}
	freeing := use.Freeing()
	for _, step := range []struct {
		after time.Duration
		freed int
	}{{0, 0}, {23 * time.Hour, 0}, {24 * time.Hour, 1}, {25 * time.Hour, 3}} {
		if got := freeing(now.Add(step.after)); got != step.freed {
			t.Errorf("after %v %d calls are free again, want %d", step.after, got, step.freed)
		}
	}
}

// Three processes in simulated time, some of which die with a slot in hand:
// no window of any phase sees more calls than there are slots, and the slots
// are used.
func TestNoWindowSeesMore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		q := newQuotas(t, "a", "b", "c")
		const slots = 7
		now := noon()
		var calls []time.Time
		for len(calls) < 150 {
			id, again, why := lease(t, q[random.IntN(3)], now, slots, 0)
			if id == 0 {
				if why != "window" || !again.After(now) || again.After(now.Add(65*time.Second)) {
					t.Fatalf("seed %d: refused with %q until %v from now", seed, why, again.Sub(now))
				}
				now = again
				continue
			}
			calls = append(calls, now)
			now = now.Add(rand.N(4 * time.Second)) // the call takes its time
			if random.IntN(10) > 0 {
				free(t, q[random.IntN(3)], id, now.Add(time.Minute)) // whose handle it is does not matter
			}
		}
		for i := slots; i < len(calls); i++ {
			if span := calls[i].Sub(calls[i-slots]); span < time.Minute {
				t.Errorf("seed %d: calls %d to %d lie within %v", seed, i-slots, i, span)
			}
		}
		if took := calls[len(calls)-1].Sub(calls[0]); took > 150/slots*75*time.Second {
			t.Errorf("seed %d: 150 calls took %v", seed, took)
		}
	}
}

// Many workers of several handles at once never hold more slots than there are.
func TestLeasesAreExclusive(t *testing.T) {
	q := newQuotas(t, "a", "b", "c")
	now := noon()
	var mu sync.Mutex
	seen := map[int64]bool{}
	var workers sync.WaitGroup
	for w := range 12 {
		workers.Go(func() {
			for range 4 {
				id, _, _, err := q[w%3].Lease(t.Context(), now, 20, time.Minute, 0, time.Time{})
				mu.Lock()
				if err != nil || seen[id] {
					t.Errorf("slot %d, %v", id, err)
				}
				if id != 0 {
					seen[id] = true
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if len(seen) != 20 {
		t.Errorf("%d slots were leased, want 20", len(seen))
	}
}

// Three real processes call as fast as they may, and are killed and started
// anew; the server counts.
func TestQuotaAcrossKilledProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := newCallServer(t)
	spawn := func() *process { return start(t, "calls", dir, childDial+"="+server.Addr().String()) }
	children := []*process{spawn(), spawn(), spawn()}
	const lasts = 4 * time.Second
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		time.Sleep(rand.N(600 * time.Millisecond))
		i := rand.IntN(len(children))
		_ = children[i].Process.Kill()
		_ = children[i].Wait()
		children[i] = spawn()
	}
	for _, c := range children {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	calls := server.close()
	for i := childQuota; i < len(calls); i++ {
		if span := calls[i].Sub(calls[i-childQuota]); span < childWindow {
			t.Errorf("%d calls within %v", childQuota+1, span)
		}
	}
	if least := childQuota * 2; len(calls) < least {
		t.Errorf("%d calls in %v, want at least %d: stamps of the dead do not free themselves", len(calls), lasts, least)
	}
}

// callServer notes when calls arrive and answers each with the byte it got.
type callServer struct {
	net.Listener
	serving sync.WaitGroup
	mu      sync.Mutex
	calls   []time.Time
}

func newCallServer(t *testing.T) *callServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &callServer{Listener: listener}
	s.serving.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.serving.Go(func() { s.serve(conn) })
		}
	})
	return s
}

func (s *callServer) serve(conn net.Conn) {
	defer conn.Close()
	for call := make([]byte, 1); ; {
		if _, err := io.ReadFull(conn, call); err != nil {
			return
		}
		s.mu.Lock()
		s.calls = append(s.calls, time.Now())
		s.mu.Unlock()
		if _, err := conn.Write(call); err != nil {
			return
		}
	}
}

// close returns when the calls arrived, in order.
func (s *callServer) close() []time.Time {
	_ = s.Close()
	s.serving.Wait()
	slices.SortFunc(s.calls, time.Time.Compare)
	return s.calls
}

// Many processes may open a new folder at the same moment.
func TestManyOpenANewFolder(t *testing.T) {
	for range 5 {
		folder, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				tenant, err := folder.Tenant(t.Context(), "acme")
				if err != nil {
					t.Error(err)
					return
				}
				if err := tenant.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
