package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

func reasons(out Outcome) []StopReason {
	var list []StopReason
	for _, stop := range out.Stops {
		list = append(list, stop.Reason)
	}
	return list
}

// stopped holds that the run ended for that reason alone.
func (s *stage) stopped(out Outcome, want ...StopReason) {
	s.Helper()
	if !slices.Equal(reasons(out), want) {
		s.Errorf("stops %+v, want %v", out.Stops, want)
	}
}

// resumed locks run a anew, as another process would, and carries it on.
func (s *stage) resumed(d *desk, cfg ApplyConfig, sum string) Outcome {
	s.Helper()
	run := s.lock(d, "a")
	defer s.closeRun(run)
	out := s.mustApply(d, run, cfg)
	s.truth(s.expect(run, sum))
	return out
}

// Stopped after every k-th write, and resumed, and stopped again: each write is
// made once, and the books are right each time.
func TestStopAtEveryRow(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	const rows = 12
	d := s.desk()
	defer s.leave(d)
	s.closeRun(s.plan(d, creates(1, rows), planOptions{}).Run)
	for session := 0; ; session++ {
		run := s.lock(d, "a")
		stop, cancel := context.WithCancelCause(t.Context())
		asked := errors.New("asked to stop")
		var late atomic.Int64
		s.watch.onWrite(func(n int) bool {
			if n == 1 {
				cancel(asked)
			} else if stop.Err() != nil {
				late.Add(1)
			}
			return true
		})
		out, err := s.apply(stop, d, run, ApplyConfig{Workers: 2})
		cancel(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.truth(s.rows(run))
		s.closeRun(run)
		if out.Counts.Pending == 0 {
			break
		}
		s.stopped(out, StopSignal)
		if !errors.Is(out.Stops[0].Err, asked) {
			t.Errorf("the stop says %v", out.Stops[0].Err)
		}
		if n := late.Load(); n > 1 || session > rows { // the other worker's, which was under way
			t.Fatalf("session %d: %d writes after the stop of 2 workers", session, n)
		}
	}
	for i := range rows {
		name := fmt.Sprint("goal ", i+1)
		if n, _ := s.watch.of(name); n != 1 {
			t.Errorf("%s was sent %d times", name, n)
		}
	}
}

// A stop while workers wait for the quota is the only reason told, whatever its cause.
func TestStopWhileWaitingForQuota(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.limits = gainsight.Limits{Calls: 4, Window: time.Second}
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 8), planOptions{}).Run
	defer s.closeRun(run)
	stop, cancel := context.WithCancelCause(t.Context())
	var once atomic.Bool
	d.gate.Waiting = func(time.Time, string) {
		if !once.Swap(true) {
			time.AfterFunc(20*time.Millisecond, func() { cancel(errors.New("ctrl-c")) })
		}
	}
	out, err := s.apply(stop, d, run, ApplyConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s.stopped(out, StopSignal)
	s.truth(s.rows(run))
}

// The end of ctx itself ends the run too, with its error.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 20), planOptions{}).Run
	defer s.closeRun(run)
	ctx, cancel := context.WithCancel(t.Context())
	s.watch.onWrite(func(n int) bool {
		if n == 3 {
			cancel()
		}
		return true
	})
	_, err := Apply(ctx, t.Context(), ApplyConfig{Run: run, Tenant: d.shared, Client: d.client, Gate: d.gate, Workers: 2})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("apply: %v", err)
	}
	if n := s.watch.count(); n > 5 {
		t.Errorf("%d writes, though the context ended at the third", n)
	}
	s.truth(s.rows(run))
}

// Calls that outlast their grace are cut off, and then in doubt.
func TestGraceEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t, "slow.delay=1s")
	d := s.desk()
	run := s.plan(d, creates(1, 3), planOptions{}).Run
	s.set("next.slow=1")
	stop, cancel := context.WithCancel(t.Context())
	s.watch.onWrite(func(int) bool { cancel(); return true })
	began := time.Now()
	out, err := s.apply(stop, d, run, ApplyConfig{Workers: 1, Grace: 50 * time.Millisecond})
	if err != nil || time.Since(began) > 900*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	s.stopped(out, StopSignal)
	rows := s.expect(run, "in_doubt=1 pending=2")
	s.closeRun(run)
	s.leave(d)
	s.end()
	s.truth(rows)
}

func TestKeyRevokedInMidRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 30), planOptions{}).Run
	s.set("key.revoked_after=12")
	out := s.mustApply(d, run, ApplyConfig{Workers: 4})
	s.stopped(out, StopRefused)
	// Each call under way is tried once more with the key read anew.
	if s.watch.refusals() > 8 || out.Counts.Pending == 0 || out.Counts.InDoubt+out.Counts.Rejected > 0 {
		t.Errorf("%d calls were refused; %+v", s.watch.refusals(), out.Counts)
	}
	t.Logf("promise R6: %d refused calls with 4 workers, each tried twice at most; the other rows stay pending", s.watch.refusals())
	s.truth(s.rows(run))
	s.closeRun(run)
	s.set("key.revoked_after=0")
	s.stopped(s.resumed(d, ApplyConfig{}, "created=30"))
}

func TestForeignPage(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 5), planOptions{}).Run
	s.set("faults.on=create,next.html=1")
	out := s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.stopped(out, StopUnreachable)
	if !strings.Contains(out.Stops[0].Detail, "HTML") || !strings.Contains(out.Stops[0].Detail, "--base-url") {
		t.Errorf("detail %q", out.Stops[0].Detail)
	}
	s.closeRun(run)
	s.resumed(d, ApplyConfig{}, "created=5")
}

func TestThrottleStorm(t *testing.T) {
	t.Parallel()
	for _, limits := range []gainsight.Limits{{}, {Calls: 50, Window: 150 * time.Millisecond}} {
		s := newStage(t, "")
		s.limits = limits
		d := s.desk()
		run := s.plan(d, creates(1, 40), planOptions{}).Run
		s.set("limit=15/150ms:sliding,faults.on=create,fault.throttle=0.05")
		out := s.mustApply(d, run, ApplyConfig{Workers: 6})
		s.stopped(out)
		s.truth(s.expect(run, "created=40"))
		if refused := s.tenant.State().Calls.Throttled; out.Calls.Throttled != refused || out.Calls.Retried != refused || refused == 0 {
			t.Errorf("%d calls were refused; %+v", refused, out.Calls)
		}
		for _, r := range s.rows(run) {
			if r.fate.Attempts != 1 {
				t.Errorf("%s took %d attempts: a refused call is none", r.name, r.fate.Attempts)
			}
		}
		s.closeRun(run)
		s.leave(d)
	}
}

// A day's allowance that is used ends the run with the time to resume.
func TestDayIsUsed(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.limits = gainsight.Limits{Calls: 100, Window: 100 * time.Millisecond, Daily: 10}
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 20), planOptions{}).Run
	defer s.closeRun(run)
	out := s.mustApply(d, run, ApplyConfig{})
	s.stopped(out, StopQuota)
	if out.ResumeAt.Before(time.Now().Add(23*time.Hour)) || run.Info().ResumeAt == nil {
		t.Errorf("resume at %v", out.ResumeAt)
	}
	if n := s.tenant.State().Calls.Total; n != 10 {
		t.Errorf("%d calls were made of 10 in a day", n)
	}
	s.truth(s.rows(run))
}

// Five doubts in a row hold the run back until a fetch is answered.
func TestBreakerProbes(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, creates(1, 12), planOptions{}).Run
	s.set("faults.on=create,fault.502_before=1")
	out := s.mustApply(d, run, ApplyConfig{Workers: 1})
	s.stopped(out)
	rows := s.expect(run, "in_doubt=12")
	if out.Calls.ByEndpoint["goals.fetch"] != 2 {
		t.Errorf("%d probes for 12 doubts in a row", out.Calls.ByEndpoint["goals.fetch"])
	}
	s.closeRun(run)
	s.leave(d)
	s.truth(rows)
}

// Who waited for the quota when the probe began gives his slot back, and waits
// for the probe.
func TestSlotDuringProbe(t *testing.T) {
	t.Parallel()
	book := &slotBook{Ledger: gainsight.NewMemoryLedger()}
	gate := gainsight.NewGate(book, gainsight.Limits{Calls: 1, Window: 40 * time.Millisecond})
	a := &apply{cfg: ApplyConfig{Gate: gate}, stops: newStops(t.Context(), 0)}
	defer a.stops.release()
	waiting, probed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	gate.Waiting = func(time.Time, string) { once.Do(func() { close(waiting) }) }
	first := a.slot()
	got := make(chan *gainsight.Slot)
	go func() { got <- a.slot() }()
	<-waiting
	began := make(chan struct{})
	for range doubtsInARow - 1 {
		a.breaker.doubt(nil)
	}
	go a.breaker.doubt(func(bool) { close(began); <-probed })
	<-began
	first.Done()
	select {
	case <-got:
		t.Error("a slot was handed out during the probe")
	case <-time.After(150 * time.Millisecond):
		close(probed)
		(<-got).Done()
	}
	if leased := book.leased.Load(); leased != 3 {
		t.Errorf("%d slots were taken: the probe was not waited for", leased)
	}
}

// A probe that is refused ends the run for that reason.
func TestBreakerProbeIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, creates(1, 40), planOptions{}).Run
	s.set(fmt.Sprintf("faults.on=create,fault.502_before=1,key.revoked_after=%d", s.tenant.State().Calls.Total+5))
	out := s.mustApply(d, run, ApplyConfig{Workers: 3})
	s.stopped(out, StopRefused)
	if n := s.watch.count(); n > 5+2*2 { // two more were under way, each asked twice
		t.Errorf("%d calls with a tenant in question", n)
	}
	rows := s.rows(run)
	s.closeRun(run)
	s.leave(d)
	s.truth(rows)
}

// A tenant that nobody answers for ends the run, and no row is in doubt.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, creates(1, 6), planOptions{}).Run
	s.goAway(d)
	out := s.mustApply(d, run, ApplyConfig{Workers: 2})
	s.stopped(out, StopUnreachable)
	for _, r := range s.expect(run, "pending=6") {
		if r.fate.Attempts > maxAttempts {
			t.Errorf("%s was tried %d times", r.name, r.fate.Attempts)
		}
	}
	s.closeRun(run)
	s.leave(d)
}

// goAway lets nobody answer any more. The client's idle connections go first:
// a call on one that closes at that moment would be in doubt.
func (s *stage) goAway(d *desk) {
	d.client.Close()
	_ = s.server.Listener.Close()
	s.server.CloseClientConnections()
}

// Where the run ends while a row waits to be tried again, that is the reason.
func TestStopDuringBackoff(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, creates(1, 3), planOptions{}).Run
	s.goAway(d)
	out := s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Duration: 100 * time.Millisecond}})
	s.stopped(out, StopBudget)
	s.expect(run, "pending=3")
	s.closeRun(run)
	s.leave(d)
}

func TestCallBudget(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	d := s.desk()
	run := s.plan(d, creates(1, 20), planOptions{}).Run
	s.closeRun(run)
	s.leave(d)
	for session, sum := range []string{"created=7 pending=13", "created=14 pending=6", "created=20"} {
		d := s.desk()
		out := s.resumed(d, ApplyConfig{Limits: Limits{Calls: 7}}, sum)
		if session < 2 {
			s.stopped(out, StopBudget)
		} else {
			s.stopped(out)
		}
		s.leave(d)
	}
}

// The limit of errors is of one session: a resumed run is not held to the
// errors of those before it.
func TestErrorLimitIsOfTheSession(t *testing.T) {
	t.Parallel()
	bad := func(of func(int) bool) string {
		text := "Name,Status,Entity Type,Company\n"
		for i := 1; i <= 120; i++ {
			company := "IBM"
			if of(i) {
				company = fmt.Sprint("Nobody ", i)
			}
			text += fmt.Sprintf("goal %d,New,COMPANY,%s\n", i, company)
		}
		return text
	}
	for _, test := range []struct {
		name, text string
		limit      ErrorLimit
		first      string
		then       string
	}{
		{"rows", bad(func(i int) bool { return i <= 5 }), ErrorLimit{Rows: 3}, "rejected=3 pending=117", "created=115 rejected=5"},
		{"percent", bad(func(i int) bool { return i <= 11 && i != 2 }), ErrorLimit{Percent: 20}, "created=40 rejected=10 pending=70", "created=110 rejected=10"},
	} {
		s := newStage(t, "")
		d := s.desk()
		run := s.plan(d, test.text, planOptions{}).Run
		out := s.mustApply(d, run, ApplyConfig{Workers: 1, Limits: Limits{Errors: test.limit}})
		s.stopped(out, StopErrors)
		s.truth(s.expectAbout(run, test.first))
		s.closeRun(run)
		s.stopped(s.resumed(d, ApplyConfig{Workers: 1, Limits: Limits{Errors: test.limit}}, test.then))
		s.leave(d)
	}
}

// expectAbout is expect for a run whose stop comes with a commit: one row more
// may have been sent by then.
func (s *stage) expectAbout(run *checkpoint.Run, sum string) []row {
	s.Helper()
	rows := s.rows(run)
	var want, got checkpoint.Counts
	for _, part := range strings.Fields(sum) {
		status, n, _ := strings.Cut(part, "=")
		_, _ = fmt.Sscan(n, want.Of(checkpoint.Status(status)))
	}
	for _, r := range rows {
		*got.Of(r.fate.Status)++
	}
	if diff := want.Pending - got.Pending; diff < 0 || diff > 1 {
		s.Errorf("%+v, want about %+v", got, want)
	}
	return rows
}

func TestCanaries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		next    string // fault of the first call
		confirm func(Status) bool
		sum     string
		stops   []StopReason
	}{
		{"all succeed", "", nil, "created=10", nil},
		{"one is rejected", "failure_list", nil, "created=2 rejected=1 pending=7", []StopReason{StopCanary}},
		{"one is in doubt", "drop_after", nil, "created=2 in_doubt=1 pending=7", []StopReason{StopCanary}},
		{"a person says no", "", func(s Status) bool { return s.Counts.Created != 3 }, "created=3 pending=7", []StopReason{StopCanary}},
		{"a person says yes", "failure_list", func(s Status) bool { return s.Counts.Rejected == 1 }, "created=9 rejected=1", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, "")
			d := s.desk()
			run := s.plan(d, creates(1, 10), planOptions{}).Run
			if test.next != "" {
				s.set("faults.on=create,next." + test.next + "=1")
			}
			s.stopped(s.mustApply(d, run, ApplyConfig{Workers: 3, Canary: 3, Confirm: test.confirm}), test.stops...)
			rows := s.expect(run, test.sum)
			s.closeRun(run)
			s.leave(d)
			s.truth(rows)
		})
	}
}

// After the journal has failed nothing is sent, and what was under way is in doubt.
func TestJournalFails(t *testing.T) {
	t.Parallel()
	s := newStage(t, "latency=1ms")
	d := s.desk()
	defer s.leave(d)
	run := s.plan(d, creates(1, 40), planOptions{}).Run
	mend := s.breakJournal(run, 3)
	out, err := s.apply(t.Context(), d, run, ApplyConfig{})
	var storage *checkpoint.StorageError
	if !errors.As(err, &storage) || !out.Has(StopStorage) || run.Info().State != checkpoint.Paused {
		t.Errorf("%v, %+v, the run is %s", err, out.Stops, run.Info().State)
	}
	s.closeRun(run)
	mend()
	s.intents("a", s.resumedRows(d))
	t.Log("promise R7: a journal that fails: no call without its durable intent, resumed whole")
}

func (s *stage) resumedRows(d *desk) []row {
	s.Helper()
	run := s.lock(d, "a")
	defer s.closeRun(run)
	s.mustApply(d, run, ApplyConfig{})
	rows := s.rows(run)
	s.truth(rows)
	for _, r := range rows {
		if r.fate.Status != checkpoint.Created && r.fate.Status != checkpoint.InDoubt {
			s.Errorf("%s is %s", r.name, r.fate.Status)
		}
	}
	return rows
}
